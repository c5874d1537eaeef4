//! The query engine: DataFusion with our functions.
pub mod udf;
