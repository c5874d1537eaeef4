//! Tests that speak through the public API or the binary, as one program: each test target
//! links DataFusion anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod program;
