//! How each column of a file is encoded, decided from its first rows.
//!
//! In: the settings and a sample, which is the file's first rows. Out: the writer's
//! properties. A dictionary pays for values that come again; hashing values that do not
//! took a third of the encoder's time and made files larger (`benches/README.md`, export).

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::parquet_file::WriteSettings;
use super::pieces::PIECE_ROWS;

/// Rows of the sample; values of forty thousand kinds, as many as a dictionary page of 1 MiB
/// holds of medium texts, are nine tenths distinct among so many.
pub(super) const SAMPLE_ROWS: usize = 8192;

/// The properties of a file that begins with these rows.
pub(super) fn properties(
    settings: WriteSettings,
    level: ZstdLevel,
    sample: &RecordBatch,
) -> Result<WriterProperties, ArrowError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(settings.row_group_rows))
        .set_write_batch_size(PIECE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(concat!("touchpath ", env!("CARGO_PKG_VERSION")).to_owned());
    for (field, values) in sample.schema().fields().iter().zip(sample.columns()) {
        if is_mostly_distinct(values)? {
            let column = ColumnPath::from(field.name().as_str());
            properties = without_dictionary(properties, column, field.data_type());
        }
    }
    Ok(properties.build())
}

/// Numbers, dates and times as differences to the one before, which are narrow when they
/// grow; all others one by one.
fn without_dictionary(
    properties: WriterPropertiesBuilder,
    column: ColumnPath,
    kind: &DataType,
) -> WriterPropertiesBuilder {
    let properties = properties.set_column_dictionary_enabled(column.clone(), false);
    let is_stored_as_integer = kind.is_integer()
        || matches!(
            kind,
            DataType::Date32
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(_, _)
                // Up to 18 digits fit into the 64 bits that Parquet then stores.
                | DataType::Decimal128(0..=18, _)
        );
    if is_stored_as_integer {
        properties.set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
    } else {
        properties
    }
}

/// Whether at least nine of ten values are the only one of their kind.
fn is_mostly_distinct(values: &ArrayRef) -> Result<bool, ArrowError> {
    let kind = Box::new(values.data_type().clone());
    let encoded = match cast(
        values,
        &DataType::Dictionary(Box::new(DataType::Int32), kind),
    ) {
        Ok(encoded) => encoded,
        // Arrow makes no dictionaries of lists, booleans and the like: the encoder may choose.
        Err(ArrowError::CastError(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let distinct = encoded.as_any_dictionary().values().len();
    let present = values.len() - values.null_count();
    Ok(present > 0 && distinct * 10 >= present * 9)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Decimal128Array, Float64Array, Int32Array, ListArray, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn values_that_do_not_repeat_have_no_dictionary() {
        let count = 1000;
        let texts = |kinds: i32| -> ArrayRef {
            let texts: StringArray = (0..count)
                .map(|id| Some((id % kinds).to_string()))
                .collect();
            Arc::new(texts)
        };
        let moments = TimestampMicrosecondArray::from_iter_values(0..i64::from(count));
        let lists: Vec<Option<Vec<Option<i32>>>> =
            (0..count).map(|id| Some(vec![Some(id)])).collect();
        let money = Decimal128Array::from_iter_values(0..i128::from(count));
        let columns: [(&str, ArrayRef); 11] = [
            ("all", texts(1000)),
            ("nine of ten", texts(900)),
            ("fewer", texts(899)),
            ("id", Arc::new(Int32Array::from_iter_values(0..count))),
            ("moment", Arc::new(moments.with_timezone("UTC"))),
            (
                "money",
                Arc::new(money.clone().with_precision_and_scale(15, 2).unwrap()),
            ),
            (
                "wide",
                Arc::new(money.with_precision_and_scale(19, 2).unwrap()),
            ),
            (
                "share",
                Arc::new(Float64Array::from_iter_values((0..count).map(f64::from))),
            ),
            (
                "list.of",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            ),
            ("flag", Arc::new(BooleanArray::from(vec![true; 1000]))),
            ("null", Arc::new(StringArray::new_null(1000))),
        ];
        let sample = RecordBatch::try_from_iter(columns).unwrap();
        let level = ZstdLevel::try_new(1).unwrap();
        let properties = properties(WriteSettings::default(), level, &sample).unwrap();
        let found = sample.schema();
        let found = found.fields().iter().map(|field| {
            let path = ColumnPath::from(field.name().as_str());
            (
                properties.dictionary_enabled(&path),
                properties.encoding(&path),
            )
        });
        let delta = (false, Some(Encoding::DELTA_BINARY_PACKED));
        let plain = (false, None);
        let dictionary = (true, None);
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                plain, plain, dictionary, delta, delta, delta, plain, plain, dictionary,
                dictionary, dictionary
            ]
        );
    }
}
