//! Cuts batches of any size into batches of one size.
//!
//! In: batches in row order. Out: the same rows in batches of [`ROWS`] rows, fewer where rows
//! are wide: a batch also ends with the row that brings it to [`BYTES`]. Where the cuts fall
//! follows from the rows alone, not from how they came.

use arrow::array::{Array, AsArray};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

/// Rows of a batch; fixed, because it shapes the bytes of a file.
const ROWS: usize = 8192;
/// Bytes of text, of binary values and of lists after which a batch ends. It bounds what waits
/// to be encoded, and keeps offsets far from 32 bits.
const BYTES: usize = 16 << 20;

/// The batch being filled.
pub(super) struct Recut {
    rows: BatchCoalescer,
    bytes: usize,
}

impl Recut {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            rows: BatchCoalescer::new(schema, ROWS),
            bytes: 0,
        }
    }

    /// Takes rows.
    pub(super) fn push(&mut self, mut batch: RecordBatch) -> Result<(), ArrowError> {
        while batch.num_rows() > 0 {
            let room = ROWS - self.rows.get_buffered_rows();
            let mut take = room.min(batch.num_rows());
            let mut bytes = bytes_of(&batch, 0, take);
            let is_wide = self.bytes + bytes >= BYTES;
            if is_wide {
                (take, bytes) = self.rows_until_full(&batch, take);
            }
            self.rows.push_batch(batch.slice(0, take))?;
            self.bytes += bytes;
            if self.bytes >= BYTES {
                self.rows.finish_buffered_batch()?;
            }
            if self.rows.get_buffered_rows() == 0 {
                self.bytes = 0;
            }
            batch = batch.slice(take, batch.num_rows() - take);
        }
        Ok(())
    }

    /// How many rows, of at most `limit`, bring the batch to its bytes, and their bytes.
    fn rows_until_full(&self, batch: &RecordBatch, limit: usize) -> (usize, usize) {
        let mut bytes = 0;
        for row in 0..limit {
            bytes += bytes_of(batch, row, 1);
            if self.bytes + bytes >= BYTES {
                return (row + 1, bytes);
            }
        }
        (limit, bytes)
    }

    /// The rows that make no whole batch.
    pub(super) fn finish(&mut self) -> Result<(), ArrowError> {
        self.bytes = 0;
        self.rows.finish_buffered_batch()
    }

    /// The next batch that is full.
    pub(super) fn next(&mut self) -> Option<RecordBatch> {
        self.rows.next_completed_batch()
    }
}

/// Bytes of variable width in some rows of a batch.
fn bytes_of(batch: &RecordBatch, row: usize, count: usize) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| bytes_in(column, row, count)).sum()
}

fn bytes_in(array: &dyn Array, row: usize, count: usize) -> usize {
    let between = |offsets: &[i32]| {
        let at = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
        (at(row), at(row + count) - at(row))
    };
    match array.data_type() {
        DataType::Utf8 => between(array.as_string::<i32>().value_offsets()).1,
        DataType::Binary => between(array.as_binary::<i32>().value_offsets()).1,
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (start, length) = between(list.value_offsets());
            let width = list.value_type().primitive_width().unwrap_or(1);
            length * width + bytes_in(list.values(), start, length)
        }
        DataType::Struct(_) => {
            let parts = array.as_struct().columns().iter();
            parts.map(|part| bytes_in(part, row, count)).sum()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListArray, StringArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Field;

    use super::*;

    /// Row `i` is a number and a list of one text of `widths[i]` bytes.
    fn rows(widths: &[usize]) -> RecordBatch {
        let texts = widths.iter().map(|width| Some("x".repeat(*width)));
        let texts: StringArray = texts.collect();
        let lists = ListArray::new(
            Arc::new(Field::new("element", DataType::Utf8, true)),
            OffsetBuffer::from_lengths(widths.iter().map(|_| 1)),
            Arc::new(texts),
            None,
        );
        let ids = Int64Array::from_iter_values(0..i64::try_from(widths.len()).unwrap());
        RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("texts", Arc::new(lists) as _)])
            .unwrap()
    }

    /// Rows of each batch when `whole` comes in pieces of `cut` rows.
    fn cuts(whole: &RecordBatch, cut: usize) -> Vec<usize> {
        let mut recut = Recut::new(whole.schema());
        let mut found = Vec::new();
        for start in (0..whole.num_rows()).step_by(cut) {
            let piece = whole.slice(start, cut.min(whole.num_rows() - start));
            recut.push(piece).unwrap();
            found.extend(std::iter::from_fn(|| recut.next()).map(|batch| batch.num_rows()));
        }
        recut.finish().unwrap();
        found.extend(std::iter::from_fn(|| recut.next()).map(|batch| batch.num_rows()));
        found
    }

    #[test]
    fn narrow_rows_are_cut_by_their_number() {
        let whole = rows(&vec![3; 20_000]);
        for cut in [7, 8192, 20_000] {
            assert_eq!(cuts(&whole, cut), [8192, 8192, 3616]);
        }
    }

    #[test]
    fn wide_rows_are_cut_by_their_bytes_however_they_come() {
        // Rows 0 to 9 of 1 MiB, then narrow ones, then a row of 40 MiB, then narrow ones. A
        // list's place counts one byte beside its text.
        let mut widths = vec![1 << 20; 10];
        widths.extend([10; 90]);
        widths.push(40 << 20);
        widths.extend([10; 9000]);
        let whole = rows(&widths);
        for cut in [1, 13, 101, 10_000] {
            assert_eq!(cuts(&whole, cut), [101, 8192, 808], "{cut}");
        }
        // 16 rows of 1 MiB fill a batch.
        let whole = rows(&[1 << 20; 40]);
        for cut in [1, 3, 40] {
            assert_eq!(cuts(&whole, cut), [16, 16, 8], "{cut}");
        }
    }
}
