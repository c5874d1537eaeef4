//! Tests that speak through the public API or the binary, as one program: each test target
//! links DataFusion anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod browser;
mod cli;
mod datasets_manual;
mod demo;
mod differential;
mod export;
mod lakes;
mod main_job;
mod postgres;
mod program;
mod python;
mod report;
mod slt;
