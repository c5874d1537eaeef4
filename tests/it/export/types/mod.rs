//! Types: what lands of each is what Postgres prints, or the export stops and names it.

mod cases;
mod matrix;
mod property;
mod random;
pub(crate) mod read_back;
