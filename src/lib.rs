//! Multi-touch attribution over a Parquet lake.
pub mod attribution;
pub mod engine;
pub mod error;
pub mod platform;
pub mod schema;
pub mod storage;
