//! Tests that speak through the public API or the binary, as one program: each test target
//! links DataFusion anew.

mod cli;
mod program;
