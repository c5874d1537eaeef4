//! Record batches as text for people or as files for machines.
//!
//! In: a schema and, one by one, batches of it. Out: bytes on a writer, batch by batch;
//! only a table for people is held until its widths are known, as text. A table that does
//! not fit its terminal is written as one line per value.
//!
//! | format | null | decimals | timestamps | lists |
//! |---|---|---|---|---|
//! | table, markdown | `NULL` | all digits | `2025-01-31 09:30:00` | `[a, b]` |
//! | csv | nothing between the commas, as an empty text | all digits | `2025-01-31T09:30:00` | `[a, b]` |
//! | json, ndjson | `null`, always written | a number with all its digits | text as in csv | array |
//! | parquet | as they are | | | |

mod people;

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json;
use arrow::util::display::ArrayFormatter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::{Exit, Failure};
use crate::printer::write_failure;

use people::{for_people, for_terminal, markdown, text_rows};

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table with borders, for people
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object per line
    Ndjson,
    /// A Markdown table
    #[value(alias = "md")]
    Markdown,
    /// A Parquet file
    Parquet,
}

/// What can go wrong when results are written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader refused the bytes.
    #[error("cannot write the result")]
    Write {
        /// Why.
        #[from]
        source: io::Error,
    },
    /// A value cannot be put into the format.
    #[error("cannot write the result as {format}")]
    Encode {
        /// The format.
        format: &'static str,
        /// The encoder's own error.
        #[source]
        source: ArrowError,
    },
    /// The Parquet encoder failed.
    #[error("cannot write the result as parquet")]
    Parquet {
        /// The encoder's own error.
        #[source]
        source: ParquetError,
    },
}

impl From<ParquetError> for OutputError {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => Self::Write { source: *source },
                Err(source) => Self::Parquet {
                    source: ParquetError::External(source),
                },
            },
            source => Self::Parquet { source },
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Write { source } => write_failure(&source),
            error => Self::new(Exit::Store, &error),
        }
    }
}

/// Writes batches of one schema in one format.
pub struct BatchWriter<'a> {
    out: &'a mut (dyn Write + Send),
    schema: SchemaRef,
    form: Form,
    rows: u64,
}

enum Form {
    Csv,
    Json,
    Ndjson,
    Rows {
        markdown: bool,
        cells: Vec<Vec<String>>,
    },
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl std::fmt::Debug for BatchWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchWriter")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<'a> BatchWriter<'a> {
    /// Begins a result of the given schema.
    ///
    /// # Errors
    /// [`OutputError`] when the format cannot hold the schema or `out` refuses its beginning.
    pub fn try_new(
        schema: SchemaRef,
        format: Format,
        out: &'a mut (dyn Write + Send),
    ) -> Result<Self, OutputError> {
        let form = match format {
            Format::Csv => {
                out.write_all(&csv_header(&schema)?)?;
                Form::Csv
            }
            Format::Json => {
                out.write_all(b"[")?;
                Form::Json
            }
            Format::Ndjson => Form::Ndjson,
            Format::Table => Form::Rows {
                markdown: false,
                cells: Vec::new(),
            },
            Format::Markdown => Form::Rows {
                markdown: true,
                cells: Vec::new(),
            },
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let writer =
                    ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
                Form::Parquet(Box::new(writer))
            }
        };
        Ok(Self {
            out,
            schema,
            form,
            rows: 0,
        })
    }

    /// Writes one batch.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let first = self.rows == 0;
        self.rows += batch.num_rows() as u64;
        match &mut self.form {
            Form::Csv => self.out.write_all(&csv_rows(batch)?)?,
            Form::Ndjson => self.out.write_all(&json_lines(batch)?)?,
            Form::Json => {
                // A line holds one object and no line end within a text, so lines are elements.
                let lines = json_lines(batch)?;
                for (index, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
                    self.out
                        .write_all(if first && index == 0 { b"\n" } else { b",\n" })?;
                    self.out
                        .write_all(line.strip_suffix(b"\n").unwrap_or(line))?;
                }
            }
            Form::Rows { cells, .. } => {
                let encode = |source| OutputError::Encode {
                    format: "a table",
                    source,
                };
                cells.extend(text_rows(batch).map_err(encode)?);
            }
            Form::Parquet(writer) => {
                writer.write(batch)?;
                // What the encoder has finished goes out now, so that one row group is held.
                self.out.write_all(writer.inner())?;
                writer.inner_mut().clear();
            }
        }
        Ok(())
    }

    /// Ends the result and tells its number of rows.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn finish(self) -> Result<u64, OutputError> {
        let Self {
            out,
            schema,
            form,
            rows,
        } = self;
        match form {
            Form::Csv | Form::Ndjson => {}
            Form::Json => out.write_all(if rows == 0 { b"]\n" } else { b"\n]\n" })?,
            Form::Rows {
                markdown: true,
                cells,
            } => {
                out.write_all(markdown(&schema, &cells).as_bytes())?;
            }
            Form::Rows {
                markdown: false,
                cells,
            } => {
                let width = comfy_table::Table::new().width();
                out.write_all(for_terminal(&schema, &cells, width).as_bytes())?;
            }
            Form::Parquet(writer) => out.write_all(&writer.into_inner()?)?,
        }
        out.flush()?;
        Ok(rows)
    }
}

/// Writes a whole result that is already in memory.
///
/// # Errors
/// [`OutputError`].
pub fn write_batches(
    schema: SchemaRef,
    batches: &[RecordBatch],
    format: Format,
    out: &mut (dyn Write + Send),
) -> Result<u64, OutputError> {
    let mut writer = BatchWriter::try_new(schema, format, out)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()
}

fn csv_header(schema: &SchemaRef) -> Result<Vec<u8>, OutputError> {
    let names: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), DataType::Utf8, true))
        .collect();
    encode_csv(
        &RecordBatch::new_empty(Arc::new(Schema::new(names))),
        Header::Written,
    )
}

fn csv_rows(batch: &RecordBatch) -> Result<Vec<u8>, OutputError> {
    let flat = with_lists_as_text(batch).map_err(|source| OutputError::Encode {
        format: "csv",
        source,
    })?;
    encode_csv(&flat, Header::Left)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Written,
    Left,
}

fn encode_csv(batch: &RecordBatch, header: Header) -> Result<Vec<u8>, OutputError> {
    let mut bytes = Vec::new();
    csv::WriterBuilder::new()
        .with_header(header == Header::Written)
        .build(&mut bytes)
        .write(batch)
        .map_err(|source| OutputError::Encode {
            format: "csv",
            source,
        })?;
    Ok(bytes)
}

fn json_lines(batch: &RecordBatch) -> Result<Vec<u8>, OutputError> {
    let mut bytes = Vec::new();
    json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, json::writer::LineDelimited>(&mut bytes)
        .write(batch)
        .map_err(|source| OutputError::Encode {
            format: "json",
            source,
        })?;
    Ok(bytes)
}

/// CSV has no lists: they become the text that tables show.
fn with_lists_as_text(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if column.data_type().is_nested() {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
            columns.push(Arc::new(as_text(column)?));
        } else {
            fields.push(Field::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn as_text(column: &ArrayRef) -> Result<arrow::array::StringArray, ArrowError> {
    let formatter = ArrayFormatter::try_new(column.as_ref(), &for_people())?;
    let mut texts = StringBuilder::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            texts.append_null();
        } else {
            texts.append_value(formatter.value(row).try_to_string()?);
        }
    }
    Ok(texts.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Decimal128Array, Int64Array, ListBuilder, StringArray, TimestampMicrosecondArray,
    };
    use bytes::Bytes;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    /// Two rows: every kind of column that results have, and a row of nulls.
    fn batch() -> RecordBatch {
        let mut journey = ListBuilder::new(StringBuilder::new());
        journey.values().append_value("viber");
        journey.values().append_value("direct");
        journey.append(true);
        journey.append(false);
        let revenue =
            Decimal128Array::from(vec![Some(123_450), None]).with_precision_and_scale(18, 2);
        // 2025-01-31 09:30:00 UTC.
        let at = TimestampMicrosecondArray::from(vec![Some(1_738_315_800_000_000), None]);
        RecordBatch::try_from_iter_with_nullable([
            (
                "id",
                Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef,
                true,
            ),
            (
                "name",
                Arc::new(StringArray::from(vec![Some("a|\"b\",Ї"), None])),
                true,
            ),
            ("revenue", Arc::new(revenue.unwrap()), true),
            ("at", Arc::new(at), true),
            ("journey", Arc::new(journey.finish()), true),
        ])
        .unwrap()
    }

    fn written(format: Format, batches: &[RecordBatch]) -> String {
        let mut bytes = Vec::new();
        let rows = write_batches(batch().schema(), batches, format, &mut bytes).unwrap();
        assert_eq!(
            rows,
            batches
                .iter()
                .map(|batch| batch.num_rows() as u64)
                .sum::<u64>()
        );
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_quotes_what_must_be_and_leaves_nulls_empty() {
        assert_eq!(
            written(Format::Csv, &[batch()]),
            "id,name,revenue,at,journey\n\
             1,\"a|\"\"b\"\",Ї\",1234.50,2025-01-31T09:30:00,\"[viber, direct]\"\n,,,,\n"
        );
    }

    #[test]
    fn json_keeps_every_digit_of_money_and_writes_nulls() {
        let first = r#"{"id":1,"name":"a|\"b\",Ї","revenue":1234.50,"at":"2025-01-31T09:30:00","journey":["viber","direct"]}"#;
        let second = r#"{"id":null,"name":null,"revenue":null,"at":null,"journey":null}"#;
        assert_eq!(
            written(Format::Ndjson, &[batch()]),
            format!("{first}\n{second}\n")
        );
        assert_eq!(
            written(Format::Json, &[batch()]),
            format!("[\n{first},\n{second}\n]\n")
        );
    }

    #[test]
    fn batches_join_without_a_seam() {
        let whole = batch();
        let parts = [whole.slice(0, 1), whole.slice(1, 0), whole.slice(1, 1)];
        for format in [
            Format::Csv,
            Format::Json,
            Format::Ndjson,
            Format::Table,
            Format::Markdown,
        ] {
            assert_eq!(
                written(format, &parts),
                written(format, &[batch()]),
                "{format:?}"
            );
        }
    }

    #[test]
    fn a_result_without_rows_keeps_its_header() {
        assert_eq!(written(Format::Csv, &[]), "id,name,revenue,at,journey\n");
        assert_eq!(written(Format::Json, &[]), "[]\n");
        assert_eq!(written(Format::Ndjson, &[]), "");
        assert!(written(Format::Table, &[]).contains("revenue"));
    }

    #[test]
    fn markdown_escapes_bars_and_aligns_numbers_right() {
        assert_eq!(
            written(Format::Markdown, &[batch()]),
            "| id | name | revenue | at | journey |\n\
             | ---: | --- | ---: | --- | --- |\n\
             | 1 | a\\|\"b\",Ї | 1234.50 | 2025-01-31 09:30:00 | [viber, direct] |\n\
             | NULL | NULL | NULL | NULL | NULL |\n"
        );
    }

    #[test]
    fn a_table_aligns_numbers_right() {
        let narrow = batch().project(&[1, 2]).unwrap();
        let mut bytes = Vec::new();
        write_batches(narrow.schema(), &[narrow], Format::Table, &mut bytes).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "┌─────────┬─────────┐\n\
             │ name    ┆ revenue │\n\
             ╞═════════╪═════════╡\n\
             │ a|\"b\",Ї ┆ 1234.50 │\n\
             │ NULL    ┆    NULL │\n\
             └─────────┴─────────┘\n"
        );
    }

    #[test]
    fn a_table_too_wide_for_its_terminal_becomes_one_line_per_value() {
        let rows = vec![vec!["1".to_owned(), "a".repeat(40), "NULL".to_owned()]];
        let narrow = batch().project(&[0, 1, 2]).unwrap().schema();
        // Least widths: 2, 16 and 7 and three for each border, 34 and one for the last.
        let fits = for_terminal(&narrow, &rows, Some(35));
        assert!(
            fits.lines().all(|line| line.chars().count() <= 35),
            "{fits}"
        );
        assert!(fits.starts_with('┌'), "{fits}");
        assert_eq!(
            for_terminal(&narrow, &rows, Some(34)),
            format!(
                "row 1\n  id       1\n  name     {}\n  revenue  NULL\n",
                "a".repeat(40)
            )
        );
    }

    #[test]
    fn control_characters_of_the_data_do_not_reach_the_terminal() {
        assert_eq!(people::printable("a\x1b[31mb\tc"), "a\u{fffd}[31mb c");
    }

    #[test]
    fn parquet_reads_back_as_it_was() {
        let mut bytes = Vec::new();
        let parts = [batch(), batch()];
        write_batches(batch().schema(), &parts, Format::Parquet, &mut bytes).unwrap();
        let read: Vec<RecordBatch> = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
            .unwrap()
            .build()
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let read = arrow::compute::concat_batches(&read[0].schema(), &read).unwrap();
        assert_eq!(
            read.columns(),
            arrow::compute::concat_batches(&batch().schema(), &parts)
                .unwrap()
                .columns()
        );
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in [
            Format::Csv,
            Format::Json,
            Format::Ndjson,
            Format::Table,
            Format::Parquet,
        ] {
            let error = write_batches(batch().schema(), &[batch()], format, &mut Gone).unwrap_err();
            assert_eq!(Failure::from(error).exit, Exit::Done, "{format:?}");
        }
    }
}
