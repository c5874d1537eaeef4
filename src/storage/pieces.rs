//! Cuts rows into pieces whose borders depend on the rows alone.
//!
//! In: batches of one schema, cut in any way. Out: the same rows in pieces of
//! [`PIECE_ROWS`], fewer where rows are wide. The encoder ends pages only at borders of
//! pieces, so a file's bytes do not tell how its rows arrived.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

/// Rows of a piece: a few hundred KiB of a CRM table, which stay in the processor's cache
/// between decoding and encoding. Pieces of 8192 rows took as long and 12 MiB more.
pub(super) const PIECE_ROWS: usize = 2048;
/// Bytes after which a piece ends early; a row of any size fits.
const PIECE_BYTES: usize = 4 << 20;

/// Collects the rows of the next piece.
pub(super) struct Pieces {
    schema: SchemaRef,
    parts: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Pieces {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            parts: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Takes a batch; returns the pieces that are now complete.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut complete = Vec::new();
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = self.fitting(batch, start);
            self.rows += rows;
            self.bytes += batch_bytes(batch, start, rows);
            self.parts.push(batch.slice(start, rows));
            start += rows;
            if self.rows == PIECE_ROWS || self.bytes >= PIECE_BYTES {
                complete.extend(self.take()?);
            }
        }
        Ok(complete)
    }

    /// The rows that have not filled a piece.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.rows = 0;
        self.bytes = 0;
        let mut parts = std::mem::take(&mut self.parts);
        Ok(match parts.len() {
            // As it came, without a copy.
            0 | 1 => parts.pop(),
            _ => Some(concat_batches(&self.schema, &parts)?),
        })
    }

    /// How many rows from `start` on belong to this piece: those up to its row limit, or up
    /// to the row that fills its bytes.
    fn fitting(&self, batch: &RecordBatch, start: usize) -> usize {
        let limit = (PIECE_ROWS - self.rows).min(batch.num_rows() - start);
        let is_over = |rows| self.bytes + batch_bytes(batch, start, rows) >= PIECE_BYTES;
        if !is_over(limit) {
            return limit;
        }
        let (mut under, mut over) = (0, limit);
        while under + 1 < over {
            let middle = usize::midpoint(under, over);
            if is_over(middle) {
                over = middle;
            } else {
                under = middle;
            }
        }
        over
    }
}

fn batch_bytes(batch: &RecordBatch, start: usize, rows: usize) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| value_bytes(column, start, rows)).sum()
}

/// Bytes of the values, such that those of two neighbouring ranges add up to those of both.
fn value_bytes(array: &ArrayRef, start: usize, rows: usize) -> usize {
    let end = start + rows;
    let span = |offsets: &[i32]| (offsets[start].cast_unsigned(), offsets[end].cast_unsigned());
    let within = |values: &ArrayRef, (from, to): (u32, u32)| {
        value_bytes(values, from as usize, (to - from) as usize)
    };
    match array.data_type() {
        DataType::Utf8 => {
            let (from, to) = span(array.as_string::<i32>().value_offsets());
            (to - from) as usize
        }
        DataType::Binary => {
            let (from, to) = span(array.as_binary::<i32>().value_offsets());
            (to - from) as usize
        }
        DataType::Utf8View => {
            let views = &array.as_string_view().views()[start..end];
            views.iter().map(|view| (view & 0xffff_ffff) as usize).sum()
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            within(list.values(), span(list.value_offsets()))
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let entries: ArrayRef = std::sync::Arc::new(map.entries().clone());
            within(&entries, span(map.value_offsets()))
        }
        DataType::Struct(_) => {
            let fields = array.as_struct().columns().iter();
            fields.map(|field| value_bytes(field, start, rows)).sum()
        }
        DataType::FixedSizeBinary(width) => rows * width.unsigned_abs() as usize,
        // Of the others the widest are decimals; booleans count as bytes.
        kind => rows * kind.primitive_width().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{StringArray, UInt64Array};

    use super::*;

    /// Lengths of the pieces of texts so long, given `cut` at a time.
    fn lengths(texts: &[usize], cut: usize) -> Vec<usize> {
        let texts: StringArray = texts.iter().map(|&size| Some("x".repeat(size))).collect();
        let ids = UInt64Array::from_iter_values(0..texts.len() as u64);
        let batch = RecordBatch::try_from_iter([
            ("id", Arc::new(ids) as ArrayRef),
            ("text", Arc::new(texts) as ArrayRef),
        ])
        .unwrap();
        let mut pieces = Pieces::new(batch.schema());
        let mut found = Vec::new();
        for start in (0..batch.num_rows()).step_by(cut) {
            let part = batch.slice(start, cut.min(batch.num_rows() - start));
            found.extend(pieces.push(&part).unwrap());
        }
        found.extend(pieces.take().unwrap());
        assert_eq!(concat_batches(&batch.schema(), &found).unwrap(), batch);
        found.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn narrow_rows_fill_a_piece_by_their_number() {
        for cut in [1000, 2048, 5000] {
            assert_eq!(lengths(&vec![10; 5000], cut), [2048, 2048, 904], "{cut}");
        }
    }

    #[test]
    fn wide_rows_fill_a_piece_by_their_bytes() {
        // With its id of 8 bytes, a row of 1 MiB less 8 is a quarter of the limit; one of 10 MiB
        // ends the piece that it is in, even as its first row.
        let quarter = (1 << 20) - 8;
        let texts = [vec![quarter; 9], vec![10 << 20, 10 << 20], vec![quarter; 3]].concat();
        for cut in [1, 2, 3, 100] {
            assert_eq!(lengths(&texts, cut), [4, 4, 2, 1, 3], "{cut}");
        }
    }
}
