//! The `touchpath` binary.
fn main() {}
