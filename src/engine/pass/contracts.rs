//! One row per contract: its event, the touches that matter for its credit, its path.
//!
//! In: whole clients. Out: for each touch with `is_contract`, the touch itself, the first
//! touch and the last paid touch of its path as structs of the input's columns, how many
//! touches the path has, and their platforms in order. The path holds the client's touches
//! up to the contract event, none older than the lookback window before it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, ListArray, RecordBatch, StructArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::cast::{as_boolean_array, as_timestamp_microsecond_array};
use datafusion::common::{Result, exec_err};

use crate::engine::pass::clients::Clients;
use crate::engine::pass::sequence::column;

/// `contract`, `first_touch`, `last_paid_touch` (null without one), `total_touches`,
/// `platforms`.
pub(super) fn fields(input: &SchemaRef) -> Vec<Field> {
    let touch = DataType::Struct(input.fields().clone());
    vec![
        Field::new("contract", touch.clone(), false),
        Field::new("first_touch", touch.clone(), false),
        Field::new("last_paid_touch", touch, true),
        Field::new("total_touches", DataType::Int32, false),
        Field::new_list(
            "platforms",
            Field::new_list_field(DataType::Utf8, true),
            false,
        ),
    ]
}

/// Where a contract's path lies in the batch: `start..=contract`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathRange {
    pub(super) start: usize,
    pub(super) contract: usize,
}

/// The paths of all contracts, in the order of their events.
pub(super) fn paths(clients: &Clients, lookback_micros: Option<i64>) -> Result<Vec<PathRange>> {
    let is_contract = as_boolean_array(column(&clients.rows, "is_contract")?)?;
    let dates = as_timestamp_microsecond_array(column(&clients.rows, "event_date")?)?;
    let mut paths = Vec::new();
    for client in &clients.ranges {
        let mut start = client.start;
        for contract in client.clone().filter(|row| is_true(is_contract, *row)) {
            if let Some(lookback) = lookback_micros {
                let oldest = dates.value(contract).saturating_sub(lookback);
                // Later contracts look back to later touches: the start only moves on.
                while dates.value(start) < oldest {
                    start += 1;
                }
            }
            paths.push(PathRange { start, contract });
        }
    }
    Ok(paths)
}

/// Null is false.
pub(super) fn is_true(flags: &BooleanArray, row: usize) -> bool {
    flags.is_valid(row) && flags.value(row)
}

/// The contracts of whole clients as one batch.
pub(super) fn rows(
    clients: &Clients,
    lookback_micros: Option<i64>,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let paths = paths(clients, lookback_micros)?;
    let is_paid = as_boolean_array(column(&clients.rows, "is_paid")?)?;
    let contract = paths.iter().map(|path| Some(path.contract as u64));
    let first = paths.iter().map(|path| Some(path.start as u64));
    let last_paid = paths.iter().map(|path| {
        let paid = (path.start..=path.contract).rfind(|row| is_true(is_paid, *row));
        paid.map(|row| row as u64)
    });
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match field.name().as_str() {
            "contract" => touches(&clients.rows, field, &contract.clone().collect())?,
            "first_touch" => touches(&clients.rows, field, &first.clone().collect())?,
            "last_paid_touch" => touches(&clients.rows, field, &last_paid.clone().collect())?,
            "total_touches" => Arc::new(lengths(&paths)?),
            _ => platforms(&clients.rows, &paths)?,
        });
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// The chosen rows as structs, null where there is no row.
fn touches(rows: &RecordBatch, field: &Field, chosen: &UInt64Array) -> Result<ArrayRef> {
    let DataType::Struct(fields) = field.data_type() else {
        return exec_err!("`{}` is not a touch", field.name());
    };
    let mut columns = Vec::with_capacity(fields.len());
    for name in fields.iter().map(|field| field.name()) {
        columns.push(take(column(rows, name)?, chosen, None)?);
    }
    let nulls = chosen.nulls().cloned();
    Ok(Arc::new(StructArray::try_new(
        fields.clone(),
        columns,
        nulls,
    )?))
}

fn lengths(paths: &[PathRange]) -> Result<Int32Array> {
    let mut lengths = Vec::with_capacity(paths.len());
    for path in paths {
        match i32::try_from(path.contract - path.start + 1) {
            Ok(length) => lengths.push(length),
            Err(_) => return exec_err!("a path has more touches than fit a 32-bit count"),
        }
    }
    Ok(Int32Array::from(lengths))
}

fn platforms(rows: &RecordBatch, paths: &[PathRange]) -> Result<ArrayRef> {
    let chosen: UInt64Array = paths
        .iter()
        .flat_map(|path| (path.start..=path.contract).map(|row| Some(row as u64)))
        .collect();
    let values = take(column(rows, "platform")?, &chosen, None)?;
    let lengths = paths.iter().map(|path| path.contract - path.start + 1);
    let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
    Ok(Arc::new(ListArray::try_new(
        item,
        OffsetBuffer::from_lengths(lengths),
        values,
        None,
    )?))
}
