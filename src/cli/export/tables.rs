//! What `touchpath export` prints: tables of what was, would be or should be in the lake.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::error::ArrowError;

use crate::error::Failure;
use crate::export::{PartState, PlannedTable, VerifiedTable};
use crate::lake::exports::ExportManifest;

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    // Not `from_iter_values`, which wants to know how many there are.
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
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

/// A column of a dry run, and the table that it is of.
struct PlannedColumn<'a> {
    table: &'a PlannedTable,
    name: &'a str,
    postgres: &'a str,
    lake: &'a str,
}

impl PlannedColumn<'_> {
    /// The policy that holds for it, if it is a contact.
    fn contact(&self) -> &str {
        let mut contacts = self.table.contacts.iter();
        let contact = contacts.find(|contact| contact.column == self.name);
        contact.map_or("", |contact| &contact.policy)
    }
}

/// One row per column that the database has; one that would stay behind has no type in the
/// lake.
pub(super) fn planned(tables: &[PlannedTable]) -> Result<RecordBatch, Failure> {
    let mut columns = Vec::new();
    for table in tables {
        columns.extend(table.columns.iter().map(|column| PlannedColumn {
            table,
            name: &column.name,
            postgres: &column.postgres,
            lake: &column.arrow,
        }));
        columns.extend(table.left_out.iter().map(|name| PlannedColumn {
            table,
            name,
            postgres: "",
            lake: "",
        }));
    }
    let text = |value: fn(&PlannedColumn<'_>) -> String| texts(columns.iter().map(value));
    let number = |value: fn(&PlannedColumn<'_>) -> Option<u64>| numbers(columns.iter().map(value));
    batch(vec![
        ("table", text(|column| column.table.table.clone())),
        (
            "estimated_rows",
            number(|column| column.table.estimated_rows),
        ),
        (
            "estimated_bytes",
            number(|column| column.table.estimated_bytes),
        ),
        ("parts", number(|column| Some(column.table.parts as u64))),
        ("column", text(|column| column.name.to_owned())),
        ("postgres", text(|column| column.postgres.to_owned())),
        ("lake", text(|column| column.lake.to_owned())),
        ("contacts", text(|column| column.contact().to_owned())),
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
