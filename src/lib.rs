//! Multi-touch attribution over a Parquet lake.
pub mod demo;
pub mod error;
pub mod schema;
pub mod storage;
