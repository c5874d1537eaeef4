//! Exported files, read by pyarrow and by DuckDB and compared with Postgres' text.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use crate::python::{python, succeed};

/// Settings under which Postgres prints values; those of the export, stated once more.
pub(crate) const PRINTING: &str = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; \
    set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; \
    set search_path = pg_catalog";

/// What a column must hold.
pub(crate) struct Column {
    pub(crate) name: String,
    /// As Postgres prints them.
    pub(crate) values: Vec<Option<String>>,
    pub(crate) is_multirange: bool,
}

/// What the readers found in a file.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) types: std::collections::BTreeMap<String, Types>,
    pub(crate) differences: Vec<String>,
}

/// A column's type in three words.
#[derive(Debug, Deserialize)]
pub(crate) struct Types {
    /// One per leaf.
    pub(crate) parquet: Vec<String>,
    pub(crate) pyarrow: String,
    pub(crate) duckdb: String,
}

/// Reads all files in one process.
pub(crate) fn read_back(folder: &Path, files: &[(PathBuf, Vec<Column>)]) -> Vec<Found> {
    let requests: Vec<_> = files
        .iter()
        .map(|(path, columns)| {
            let columns: serde_json::Map<_, _> = columns
                .iter()
                .map(|column| {
                    let expected =
                        json!({ "values": column.values, "multirange": column.is_multirange });
                    (column.name.clone(), expected)
                })
                .collect();
            json!({ "path": path, "columns": columns })
        })
        .collect();
    let expected = folder.join("expected.json");
    std::fs::write(&expected, serde_json::to_vec(&requests).unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/export/read_back.py");
    let mut command = python(&["duckdb", "pyarrow"]);
    let answer = succeed(command.arg(script).arg(expected));
    serde_json::from_str(&answer).unwrap()
}
