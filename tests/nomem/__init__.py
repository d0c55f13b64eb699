"""Every allocation in turn fails: `python -m nomem` in tests/, see __main__.py."""
