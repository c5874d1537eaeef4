//! What lies in a lake beside the rows.

pub mod exports;
