//! Lays a view of exact columns and types over a table of the lake, whoever wrote it.
//!
//! In: a table as registered, with columns of any width, unit, zone or string form. Out:
//! under the same name exactly the columns of [`schema::Table`], in the types of the
//! contract; a missing optional column reads as null, a zoned time as local time of the
//! session's zone, other columns are gone.

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::{ScalarValue, TableReference};
use datafusion::functions::datetime::expr_fn::to_local_time;
use datafusion::prelude::{Expr, cast, ident, lit};

use crate::engine::{Engine, EngineError};
use crate::error::nearest;
use crate::schema;

impl Engine {
    /// Replaces `table` by its conforming view; returns the optional columns it lacks.
    ///
    /// # Errors
    /// [`EngineError::MissingTable`], [`EngineError::MissingColumn`] or
    /// [`EngineError::WrongType`], each naming what was found instead.
    pub async fn conform(
        &self,
        table: &schema::Table,
        lake: &str,
        time_zone: &str,
    ) -> Result<Vec<&'static str>, EngineError> {
        let there = self.table_names(table.schema);
        if !there.iter().any(|name| name == table.name) {
            return Err(missing_table(table, lake, &there));
        }
        let found = self.table_schema(table.schema, table.name).await?;
        let mut columns = Vec::with_capacity(table.columns.len());
        let mut absent = Vec::new();
        for column in table.columns {
            match found.field_with_name(column.name) {
                Ok(field) => {
                    let read = read_as(table, column, field.data_type(), time_zone)?;
                    columns.push(read.alias(column.name));
                }
                Err(_) if column.required => return Err(missing_column(table, column, &found)),
                Err(_) => {
                    absent.push(column.name);
                    let null = ScalarValue::try_from(&view_type(column.kind))?;
                    columns.push(lit(null).alias(column.name));
                }
            }
        }
        let name = TableReference::partial(table.schema, table.name);
        let view = self
            .context()
            .table(name.clone())
            .await?
            .select(columns)?
            .into_view();
        self.context().deregister_table(name.clone())?;
        self.context().register_table(name, view)?;
        Ok(absent)
    }
}

/// The column's type in the view: money in one precision; a date as its midnight, because
/// other writers keep dates as timestamps and results hold times.
fn view_type(kind: schema::ColumnType) -> DataType {
    match kind.arrow() {
        DataType::Decimal128(_, 2) => DataType::Decimal128(18, 2),
        DataType::Date32 | DataType::Timestamp(_, _) => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        other => other,
    }
}

fn read_as(
    table: &schema::Table,
    column: &schema::Column,
    found: &DataType,
    time_zone: &str,
) -> Result<Expr, EngineError> {
    let expected = view_type(column.kind);
    let inner = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    if !can_cast_types(inner, &expected) {
        return Err(EngineError::WrongType {
            table: table.qualified(),
            column: column.name.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        });
    }
    let value = match found {
        DataType::Timestamp(_, Some(_)) => {
            let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(time_zone.into()));
            to_local_time(vec![cast(ident(column.name), zoned)])
        }
        _ => ident(column.name),
    };
    Ok(if *found == expected {
        value
    } else {
        cast(value, expected)
    })
}

fn missing_table(table: &schema::Table, lake: &str, there: &[String]) -> EngineError {
    let listed = if there.is_empty() {
        format!("is nothing below `{}/`", table.schema)
    } else {
        format!("are {}", there.join(", "))
    };
    EngineError::MissingTable {
        table: table.qualified(),
        looked_for: format!("{lake}/{}/{}/*.parquet", table.schema, table.name),
        there: listed,
        nearest: nearest(table.name, there.iter().map(String::as_str)).map(str::to_owned),
    }
}

fn missing_column(
    table: &schema::Table,
    column: &schema::Column,
    found: &SchemaRef,
) -> EngineError {
    let names: Vec<&str> = found
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    EngineError::MissingColumn {
        table: table.qualified(),
        column: column.name.to_owned(),
        there: names.join(", "),
        nearest: nearest(column.name, names.iter().copied()).map(str::to_owned),
    }
}
