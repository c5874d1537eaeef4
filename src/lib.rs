//! Multi-touch attribution over a Parquet lake.
pub mod error;
pub mod export;
pub mod lake;
pub mod schema;
pub mod storage;
