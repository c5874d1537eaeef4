//! Tests that speak through the public API or the binary, as one program: each test target
//! links DataFusion anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod browser;
mod cli;
mod demo;
mod export;
mod postgres;
mod program;
mod report;
mod slt;
