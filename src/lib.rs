//! Multi-touch attribution over a Parquet lake.
pub mod error;
pub mod report;
pub mod schema;
pub mod storage;
