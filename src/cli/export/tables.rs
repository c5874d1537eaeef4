//! What `touchpath export` prints: tables of what was, would be or should be in the lake.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;

use crate::error::Failure;
use crate::export::{PartState, PlannedTable, VerifiedTable};
use crate::lake::exports::ExportManifest;

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<UInt64Array>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, Failure> {
    let failure = |error: ArrowError| Failure::usage(error.to_string());
    RecordBatch::try_from_iter(columns).map_err(failure)
}

/// One row per exported table.
pub(super) fn tables(manifest: &ExportManifest) -> Result<RecordBatch, Failure> {
    let tables = &manifest.tables;
    batch(vec![
        ("table", texts(tables.iter().map(|table| &table.table))),
        ("rows", numbers(tables.iter().map(|table| Some(table.rows)))),
        (
            "bytes",
            numbers(tables.iter().map(|table| Some(table.bytes))),
        ),
        (
            "parts",
            numbers(tables.iter().map(|table| Some(table.parts.len() as u64))),
        ),
        (
            "ordered_by",
            texts(tables.iter().map(|table| table.ordered_by.join(", "))),
        ),
    ])
}

/// One row per column that would be exported.
pub(super) fn planned(tables: &[PlannedTable]) -> Result<RecordBatch, Failure> {
    let columns = || {
        tables
            .iter()
            .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
    };
    batch(vec![
        ("table", texts(columns().map(|(table, _)| &table.table))),
        (
            "estimated_rows",
            numbers(columns().map(|(table, _)| table.estimated_rows)),
        ),
        (
            "estimated_bytes",
            numbers(columns().map(|(table, _)| table.estimated_bytes)),
        ),
        (
            "parts",
            numbers(columns().map(|(table, _)| Some(table.parts as u64))),
        ),
        ("column", texts(columns().map(|(_, column)| &column.name))),
        (
            "postgres",
            texts(columns().map(|(_, column)| &column.postgres)),
        ),
        ("lake", texts(columns().map(|(_, column)| &column.arrow))),
    ])
}

/// One row per part that was looked at.
pub(super) fn verified(tables: &[VerifiedTable]) -> Result<RecordBatch, Failure> {
    let parts = || {
        tables
            .iter()
            .flat_map(|table| table.parts.iter().map(move |part| (table, part)))
    };
    let state = |state| match state {
        PartState::Whole => "whole",
        PartState::Missing => "missing",
        PartState::Changed => "changed",
        PartState::Unreadable => "unreadable",
        PartState::RowsMissing => "rows missing",
    };
    batch(vec![
        ("table", texts(parts().map(|(table, _)| &table.table))),
        ("part", texts(parts().map(|(_, part)| &part.path))),
        ("rows", numbers(parts().map(|(_, part)| Some(part.rows)))),
        ("state", texts(parts().map(|(_, part)| state(part.state)))),
        (
            "table_rows",
            numbers(parts().map(|(table, _)| Some(table.rows))),
        ),
        (
            "database_rows",
            numbers(parts().map(|(table, _)| Some(table.database_rows))),
        ),
    ])
}
