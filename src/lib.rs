//! Multi-touch attribution over a Parquet lake.
pub mod attribution;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod error;
pub mod export;
pub mod lake;
pub mod output;
pub mod pipeline;
pub mod platform;
pub mod printer;
pub mod report;
pub mod schema;
pub mod shell;
pub mod storage;
