//! The tables of one copy of the lake as record batches.
//!
//! In: a [`struct@Copy`]. Out: one batch for each table of [`crate::schema::TABLES`], rows in the order of the
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
    Arc::new(values.collect::<Int16Array>())
}

fn ints(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Int32Array>())
}

fn longs(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn flags(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    Arc::new(values.collect::<BooleanArray>())
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn days(values: impl Iterator<Item = Option<i32>>) -> ArrayRef {
    Arc::new(values.collect::<Date32Array>())
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>())
}

fn zoned(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(
        values
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

/// Hundredths as `numeric(precision, 2)`; 10^precision exceeds every amount we make.
fn cents(precision: u8, values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    let array: Decimal128Array = values.map(|value| value.map(i128::from)).collect();
    Arc::new(array.with_data_type(arrow::datatypes::DataType::Decimal128(precision, 2)))
}

/// The load's time for every row.
fn loaded(count: usize) -> ArrayRef {
    zoned((0..count).map(|_| Some(LOADED)))
}

fn absent<T>(count: usize) -> impl Iterator<Item = Option<T>> {
    (0..count).map(|_| None)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::AsArray;
    use arrow::compute::{cast, concat_batches};
    use arrow::datatypes::{DataType, Int64Type};

    use super::*;
    use crate::demo::DemoLake;
    use crate::schema::TABLES;

    /// Table and column, and the table and key they point at.
    const LINKS: [(&str, &str, &str, &str); 11] = [
        (
            "stg.crm_events",
            "id_source",
            "raw.itcrm_new_source",
            "id_source",
        ),
        (
            "stg.source_attribution",
            "id_source",
            "stg.crm_events",
            "id_source",
        ),
        (
            "stg.marketing_match",
            "id_source",
            "stg.crm_events",
            "id_source",
        ),
        (
            "raw.itcrm_internet_request_relation",
            "id_source",
            "stg.crm_events",
            "id_source",
        ),
        (
            "raw.itcrm_internet_request_relation",
            "id_request",
            "raw.itcrm_internet_request",
            "request_id",
        ),
        (
            "raw.itcrm_analytics",
            "internet_request_id",
            "raw.itcrm_internet_request",
            "request_id",
        ),
        (
            "raw.itcrm_events_relations",
            "id_event",
            "raw.itcrm_events",
            "id_event",
        ),
        (
            "raw.itcrm_new_form",
            "id_source",
            "stg.crm_events",
            "id_source",
        ),
        (
            "raw.itcrm_new_form",
            "id_form",
            "raw.itcrm_new_form_name",
            "id_form",
        ),
        (
            "raw.itcrm_new_source",
            "type",
            "raw.itcrm_new_types",
            "id_type",
        ),
        (
            "raw.google_ads_clicks",
            "campaign_id",
            "raw.google_ads_campaign_daily",
            "campaign_id",
        ),
    ];

    /// Each table's rows in a lake of two copies.
    fn two_copies() -> BTreeMap<String, RecordBatch> {
        let lake = DemoLake::try_new(2, 9).unwrap();
        let mut tables: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
        for number in 0..2 {
            for (table, batch) in of(&lake.copy(number)).unwrap() {
                tables.entry(table.qualified()).or_default().push(batch);
            }
        }
        let whole = |batches: Vec<RecordBatch>| concat_batches(&batches[0].schema(), &batches);
        tables
            .into_iter()
            .map(|(name, batches)| (name, whole(batches).unwrap()))
            .collect()
    }

    fn numbers(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
        let column = cast(batch.column_by_name(column).unwrap(), &DataType::Int64).unwrap();
        column.as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn every_known_table_is_made() {
        let made = two_copies();
        let known: Vec<String> = TABLES.iter().map(Table::qualified).collect();
        assert_eq!(made.len(), known.len());
        for table in known {
            assert!(
                made.get(&table).is_some_and(|rows| rows.num_rows() > 0),
                "{table}"
            );
        }
    }

    #[test]
    fn rows_stand_in_the_order_of_their_ids_over_all_copies() {
        let made = two_copies();
        let numbered = TABLES.iter().filter(|table| table.key.len() == 1);
        for table in
            numbered.filter(|table| table.schema == "stg" || table.name.starts_with("itcrm"))
        {
            let ids = numbers(&made[&table.qualified()], table.key[0]);
            assert!(
                ids.windows(2).all(|pair| pair[0] < pair[1]),
                "{}",
                table.qualified()
            );
        }
    }

    #[test]
    fn ids_that_point_at_other_tables_find_their_rows() {
        let made = two_copies();
        for (from, column, to, key) in LINKS {
            let known: std::collections::BTreeSet<_> =
                numbers(&made[to], key).into_iter().collect();
            let lost = numbers(&made[from], column)
                .into_iter()
                .find(|id| !known.contains(id));
            assert_eq!(lost, None, "{from}.{column}");
        }
    }
}
