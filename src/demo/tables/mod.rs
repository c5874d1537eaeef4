//! The tables of one copy of the lake as record batches.
//!
//! In: a [`Copy`]. Out: one batch for each table of [`TABLES`], rows in the order of the
//! table's key. What is no client's (campaigns, forms, spend) is written by the first copy
//! alone.

mod ads;
mod crm;
mod staged;
mod web;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int16Array, Int32Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;

use super::clients::DAY;
use super::{Copy, DemoError};
use crate::schema::Table;

/// 2025-10-22 03:00 UTC, when the last nightly load would have run.
const LOADED: i64 = 20_383 * DAY + 3 * 3_600_000_000;

/// A table and rows of it.
pub(super) type Rows = (&'static Table, RecordBatch);

/// Every table's rows of one copy.
pub(super) fn of(copy: &Copy) -> Result<Vec<Rows>, DemoError> {
    let mut tables = staged::tables(copy)?;
    tables.extend(crm::tables(copy)?);
    tables.extend(web::tables(copy)?);
    tables.extend(ads::tables(copy)?);
    Ok(tables)
}

fn rows(table: &'static Table, columns: Vec<ArrayRef>) -> Result<Rows, DemoError> {
    let batch =
        RecordBatch::try_new(table.arrow(), columns).map_err(|source| DemoError::Layout {
            table: table.qualified(),
            source,
        })?;
    Ok((table, batch))
}

fn small(values: impl Iterator<Item = Option<i16>>) -> ArrayRef {
    Arc::new(Int16Array::from_iter(values))
}

fn ints(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(Int32Array::from_iter(values))
}

fn longs(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

fn flags(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(values))
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn days(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(Date32Array::from_iter(values))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values))
}

fn zoned(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter(values).with_timezone("UTC"))
}

/// Hundredths as `numeric(precision, 2)`; 10^precision exceeds every amount we make.
fn cents(precision: u8, values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let array = Decimal128Array::from_iter(values.map(|value| value.map(i128::from)));
    Arc::new(array.with_data_type(arrow::datatypes::DataType::Decimal128(precision, 2)))
}

/// The load's time for every row.
fn loaded(count: usize) -> ArrayRef {
    zoned((0..count).map(|_| Some(LOADED)))
}

fn absent<T>(count: usize) -> impl Iterator<Item = Option<T>> {
    (0..count).map(|_| None)
}
