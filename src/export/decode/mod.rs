//! The stream of `COPY … TO STDOUT (FORMAT binary)` -> record batches.
//!
//! In: the server's messages, each of them whole rows, the first with the stream's header
//! and the last with its end mark. Out: batches of at most [`BATCH_ROWS`] rows, fewer
//! when rows are wide. A stream that ends without its mark is an error: rows are missing.

mod buffers;
mod column;
#[cfg(test)]
mod fuzz;
mod nested;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::types::{NotFinite, PostgresType};
use super::value::ValueProblem;
use buffers::FinishError;
use column::Column;

/// Rows of a batch: what the file's encoder takes at once.
pub(super) const BATCH_ROWS: usize = 2048;
/// Bytes after which a batch ends early: some batches are in flight, and rows may be wide.
const BATCH_BYTES: usize = 4 << 20;
/// The first bytes of every stream.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Bits of the header's flags that change the format.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// Why a stream does not become rows; rows count from 1 in the order of the export.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("column {column}, row {row}: {problem}")]
    Value {
        column: usize,
        row: u64,
        problem: ValueProblem,
    },
    #[error("row {row}: {problem}")]
    Stream { row: u64, problem: StreamProblem },
    #[error(transparent)]
    Batch(#[from] ArrowError),
}

/// How a stream departs from Postgres' description of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamProblem {
    /// The stream's first bytes.
    #[error("the stream does not begin as a binary COPY of a known version")]
    Header,
    /// A row is longer than its message.
    #[error("the row is cut off")]
    CutOff,
    /// A row has more or fewer fields than columns were asked for.
    #[error("the row has another number of fields than was asked for")]
    FieldCount,
    /// Bytes after the end mark.
    #[error("the stream goes on after its end mark")]
    AfterEnd,
    /// No end mark.
    #[error("the stream ends without its end mark")]
    NoEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Header,
    Rows,
    End,
}

/// Takes the messages of one stream.
pub(super) struct Decoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    position: Position,
    rows: u64,
    batch_rows: usize,
    batch_bytes: usize,
}

impl Decoder {
    /// A decoder of rows of these types, whose fields `schema` has.
    pub(super) fn new<'a>(
        schema: SchemaRef,
        types: impl IntoIterator<Item = &'a PostgresType>,
        not_finite: NotFinite,
    ) -> Self {
        let types = types.into_iter();
        let columns = types.map(|kind| Column::new(kind, not_finite)).collect();
        Self {
            schema,
            columns,
            position: Position::Header,
            rows: 0,
            batch_rows: 0,
            batch_bytes: 0,
        }
    }

    /// Rows decoded so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Per column the values without end that became null, or DuckDB's infinity.
    pub(super) fn not_finite(&self) -> Vec<u64> {
        self.columns.iter().map(Column::not_finite).collect()
    }

    /// Takes one message; returns a batch when it is full.
    pub(super) fn push(&mut self, message: &[u8]) -> Result<Option<RecordBatch>, DecodeError> {
        let mut rest = message;
        if self.position == Position::Header {
            rest = skip_header(rest).ok_or_else(|| self.stream_error(StreamProblem::Header))?;
            self.position = Position::Rows;
        }
        while !rest.is_empty() {
            if self.position == Position::End {
                return Err(self.stream_error(StreamProblem::AfterEnd));
            }
            rest = self.row(rest)?;
        }
        self.batch_bytes += message.len();
        if self.batch_rows >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES {
            return self.batch();
        }
        Ok(None)
    }

    /// Ends the stream; returns the rows that were not yet in a batch.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        if self.position != Position::End {
            return Err(self.stream_error(StreamProblem::NoEnd));
        }
        self.batch()
    }

    /// Reads one row, or the end mark, and returns what follows it.
    fn row<'a>(&mut self, message: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        let cut_off = |row| DecodeError::Stream {
            row,
            problem: StreamProblem::CutOff,
        };
        let row = self.rows + 1;
        let (count, mut rest) = message
            .split_first_chunk::<2>()
            .ok_or_else(|| cut_off(row))?;
        match i16::from_be_bytes(*count) {
            -1 => {
                self.position = Position::End;
                return Ok(rest);
            }
            count if usize::try_from(count).ok() == Some(self.columns.len()) => {}
            _ => return Err(self.stream_error(StreamProblem::FieldCount)),
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            let (length, tail) = rest.split_first_chunk::<4>().ok_or_else(|| cut_off(row))?;
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                rest = tail;
                column.append_null();
                continue;
            }
            let field;
            (field, rest) = usize::try_from(length)
                .ok()
                .and_then(|length| tail.split_at_checked(length))
                .ok_or_else(|| cut_off(row))?;
            column.append(field).map_err(|problem| DecodeError::Value {
                column: index,
                row,
                problem,
            })?;
        }
        self.rows = row;
        self.batch_rows += 1;
        Ok(rest)
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        if self.batch_rows == 0 {
            return Ok(None);
        }
        let before = self.rows - self.batch_rows as u64;
        self.batch_rows = 0;
        self.batch_bytes = 0;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter_mut().enumerate() {
            arrays.push(column.finish().map_err(|error| match error {
                FinishError::Value(place, problem) => DecodeError::Value {
                    column: index,
                    row: before + place as u64 + 1,
                    problem,
                },
                FinishError::Arrow(error) => DecodeError::Batch(error),
            })?);
        }
        let schema = Arc::clone(&self.schema);
        Ok(Some(RecordBatch::try_new(schema, arrays)?))
    }

    fn stream_error(&self, problem: StreamProblem) -> DecodeError {
        DecodeError::Stream {
            row: self.rows + 1,
            problem,
        }
    }
}

/// What follows the signature, the flags and the header's extension.
fn skip_header(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(SIGNATURE)?;
    let (flags, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*flags) & CRITICAL_FLAGS != 0 {
        return None;
    }
    let (extension, rest) = rest.split_first_chunk::<4>()?;
    rest.get(usize::try_from(u32::from_be_bytes(*extension)).ok()?..)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Field, Int64Type, Schema};

    use super::super::types::Leaf;
    use super::*;

    const TYPES: [PostgresType; 2] = [
        PostgresType::Leaf(Leaf::BigInt),
        PostgresType::Leaf(Leaf::Text),
    ];

    fn decoder() -> Decoder {
        let fields = ["id", "name"].iter().zip(&TYPES);
        let fields: Vec<Field> = fields.map(|(name, kind)| kind.field(name)).collect();
        let schema = Arc::new(Schema::new(fields));
        Decoder::new(schema, &TYPES, NotFinite::Refuse)
    }

    fn header() -> Vec<u8> {
        [SIGNATURE.as_slice(), &[0; 8]].concat()
    }

    fn row(id: i64, name: Option<&str>) -> Vec<u8> {
        let mut bytes = vec![0, 2, 0, 0, 0, 8];
        bytes.extend(id.to_be_bytes());
        match name {
            None => bytes.extend((-1_i32).to_be_bytes()),
            Some(name) => {
                bytes.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
                bytes.extend(name.as_bytes());
            }
        }
        bytes
    }

    const END: [u8; 2] = [0xff, 0xff];

    #[test]
    fn rows_come_out_in_order_with_their_nulls() {
        let mut decoder = decoder();
        assert!(
            decoder
                .push(&[header(), row(7, Some("Київ"))].concat())
                .unwrap()
                .is_none()
        );
        decoder.push(&row(-1, None)).unwrap();
        decoder.push(&row(0, Some(""))).unwrap();
        decoder.push(&END).unwrap();
        let batch = decoder.finish().unwrap().unwrap();
        assert_eq!(
            batch.column(0).as_primitive::<Int64Type>().values(),
            &[7, -1, 0]
        );
        let names = batch.column(1).as_string::<i32>();
        assert_eq!(names.value(0), "Київ");
        assert!(names.is_null(1) && !names.is_null(2));
        assert_eq!(names.value(2), "");
    }

    #[test]
    fn a_batch_ends_at_its_row_limit_and_earlier_when_rows_are_wide() {
        let mut narrow = decoder();
        narrow.push(&header()).unwrap();
        let full = (0_i64..)
            .find_map(|id| narrow.push(&row(id, None)).unwrap())
            .unwrap();
        assert_eq!(full.num_rows(), BATCH_ROWS);
        let mut wide = decoder();
        wide.push(&header()).unwrap();
        let name = "x".repeat(1 << 20);
        let full = (0_i64..)
            .find_map(|id| wide.push(&row(id, Some(&name))).unwrap())
            .unwrap();
        assert_eq!(full.num_rows(), 4);
    }

    #[test]
    fn a_stream_without_its_end_is_an_error() {
        let mut decoder = decoder();
        decoder.push(&[header(), row(1, None)].concat()).unwrap();
        let error = decoder.finish().unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 2: the stream ends without its end mark"
        );
        decoder.push(&END).unwrap();
        let error = decoder.push(&row(2, None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 2: the stream goes on after its end mark"
        );
    }

    #[test]
    fn a_bad_value_is_named_by_column_and_row() {
        let mut decoder = decoder();
        decoder.push(&[header(), row(1, None)].concat()).unwrap();
        let mut bytes = row(2, Some("ab"));
        *bytes.last_mut().unwrap() = 0xff;
        decoder.push(&bytes).unwrap();
        decoder.push(&row(3, None)).unwrap();
        decoder.push(&END).unwrap();
        // Text is checked when its batch is full.
        let error = decoder.finish().unwrap_err();
        assert_eq!(error.to_string(), "column 1, row 2: the text is not UTF-8");
    }

    #[test]
    fn every_cut_of_a_stream_is_an_error_and_none_panics() {
        let whole = [header(), row(1, Some("ab")), row(2, None), END.to_vec()].concat();
        for length in 0..whole.len() {
            let mut decoder = decoder();
            let outcome = decoder
                .push(&whole[..length])
                .and_then(|_| decoder.finish());
            assert!(outcome.is_err(), "{length} of {} bytes passed", whole.len());
        }
    }

    #[test]
    fn no_changed_byte_panics() {
        let whole = [header(), row(1, Some("ab")), row(2, None), END.to_vec()].concat();
        for position in 0..whole.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = whole.clone();
                bytes[position] = byte;
                let mut decoder = decoder();
                if decoder.push(&bytes).and_then(|_| decoder.finish()).is_ok() {
                    assert!(decoder.rows() <= 2);
                }
            }
        }
    }
}
