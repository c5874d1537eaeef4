//! Multi-touch attribution over a Parquet lake.
pub mod cli;
pub mod config;
pub mod error;
pub mod output;
pub mod printer;
pub mod schema;
pub mod shell;
pub mod storage;
