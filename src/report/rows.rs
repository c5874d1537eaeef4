//! The rows of one query, read column by column whatever exact type the lake gave them.
//!
//! In: a query over the result datasets. Out: vectors of integers, decimals, texts. Any
//! integer width, decimal precision and string layout is accepted; a null where the dataset
//! promises none is an error that names dataset and column.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type};
use arrow::util::display::FormatOptions;
use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::ReportError;
use super::number::Decimal;

/// The widest decimal Arrow's 128 bits hold.
const PRECISION: u8 = 38;

/// The rows of one query over one dataset.
pub(super) struct Rows {
    dataset: &'static str,
    batch: RecordBatch,
}

impl Rows {
    /// Runs `sql`; `dataset` is the one to name when it fails.
    pub(super) async fn query(
        context: &SessionContext,
        dataset: &'static str,
        sql: &str,
    ) -> Result<Self, ReportError> {
        let failed = |source| ReportError::Query {
            dataset,
            source: Box::new(source),
        };
        let frame = context.sql(sql).await.map_err(failed)?;
        let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(failed)?;
        // The plan may know a column as never null that the file declares nullable.
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let batch = concat_batches(&schema, &batches).map_err(|source| failed(source.into()))?;
        Ok(Self { dataset, batch })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Counts, none null.
    pub(super) fn counts(&self, column: &'static str) -> Result<Vec<i64>, ReportError> {
        self.all(column, self.optional_counts(column)?)
    }

    /// Counts with nulls.
    pub(super) fn optional_counts(
        &self,
        column: &'static str,
    ) -> Result<Vec<Option<i64>>, ReportError> {
        let array = self.column(column, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().iter().collect())
    }

    /// Decimals of the given scale, none null.
    pub(super) fn decimals(
        &self,
        column: &'static str,
        scale: u8,
    ) -> Result<Vec<Decimal>, ReportError> {
        self.all(column, self.optional_decimals(column, scale)?)
    }

    /// Decimals of the given scale with nulls.
    pub(super) fn optional_decimals(
        &self,
        column: &'static str,
        scale: u8,
    ) -> Result<Vec<Option<Decimal>>, ReportError> {
        let kind = DataType::Decimal128(PRECISION, scale.cast_signed());
        let array = self.column(column, &kind)?;
        let values = array.as_primitive::<Decimal128Type>().iter();
        Ok(values
            .map(|value| value.map(|value| Decimal::new(value, scale)))
            .collect())
    }

    /// Floats, none null.
    pub(super) fn floats(&self, column: &'static str) -> Result<Vec<f64>, ReportError> {
        let array = self.column(column, &DataType::Float64)?;
        self.all(column, array.as_primitive::<Float64Type>().iter().collect())
    }

    /// Texts, none null.
    pub(super) fn texts(&self, column: &'static str) -> Result<Vec<String>, ReportError> {
        self.all(column, self.optional_texts(column)?)
    }

    /// Texts with nulls.
    pub(super) fn optional_texts(
        &self,
        column: &'static str,
    ) -> Result<Vec<Option<String>>, ReportError> {
        let array = self.column(column, &DataType::Utf8)?;
        let values = array.as_string::<i32>().iter();
        Ok(values.map(|value| value.map(str::to_owned)).collect())
    }

    /// Dates, none null.
    pub(super) fn dates(&self, column: &'static str) -> Result<Vec<NaiveDate>, ReportError> {
        let array = self.column(column, &DataType::Date32)?;
        let dates = array.as_primitive::<Date32Type>();
        self.all(
            column,
            (0..dates.len())
                .map(|row| dates.value_as_date(row))
                .collect(),
        )
    }

    /// Booleans, none null.
    pub(super) fn booleans(&self, column: &'static str) -> Result<Vec<bool>, ReportError> {
        let array = self.column(column, &DataType::Boolean)?;
        self.all(column, array.as_boolean().iter().collect())
    }

    fn column(&self, column: &'static str, kind: &DataType) -> Result<ArrayRef, ReportError> {
        let failed = |source| ReportError::Column {
            dataset: self.dataset,
            column,
            source,
        };
        let index = self.batch.schema_ref().index_of(column).map_err(failed)?;
        // Not safe: a value that does not fit is an error, never a silent null.
        let options = CastOptions {
            safe: false,
            format_options: FormatOptions::default(),
        };
        cast_with_options(self.batch.column(index), kind, &options).map_err(failed)
    }

    fn all<T>(&self, column: &'static str, values: Vec<Option<T>>) -> Result<Vec<T>, ReportError> {
        let null = || ReportError::Null {
            dataset: self.dataset,
            column,
        };
        values
            .into_iter()
            .map(|value| value.ok_or_else(null))
            .collect()
    }
}
