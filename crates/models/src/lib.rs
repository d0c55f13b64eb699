//! Models of what has to hold however threads interleave: the tests of this crate, which `make models` runs under loom.
