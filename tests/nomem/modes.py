"""The ways to run out of memory."""

# Whether all later allocations of the same call fail as well.
MODES = {"one": False, "all": True}
