//! Tests that speak through the public API or the binary, as one program: each test target
//! links DataFusion anew.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may panic, its helpers too"
)]

mod browser;
mod certificates;
mod cli;
mod datasets_manual;
mod demo;
mod differential;
mod export;
mod forget;
mod lakes;
mod main_job;
mod postgres;
mod postgres_to_report;
mod program;
mod python;
mod readme;
mod report;
mod s3;
mod same_bytes;
mod secrets;
mod slt;
mod sql_passes;
