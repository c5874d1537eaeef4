//! Puts rows into the order of their key as they come.
//!
//! In: a part's batches one after the other, as the table's pages lie. Out: the same rows,
//! each key at least that of the row before, and the first and the last key.
//!
//! Postgres lays a table that only grows down in the order of its key but for strays: a row
//! that does not fit on the last page opens a new one, and later, shorter rows fill the gap
//! that it has left. So one batch is held back; those of its rows whose key is above that of a
//! row behind them wait until their place comes. A row that comes after its place cannot be
//! put there; sorting such tables is the server's work.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt64Array};
use arrow::compute::{SortOptions, interleave_record_batch, take_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Bytes of the rows that may wait for their place; with more, the table is not laid down in
/// the order of its key.
const WAITING_BYTES: usize = 4 << 20;

/// Why rows cannot be put into order.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// A row comes after its place, or too many would have to wait for theirs.
    #[error("the rows do not lie in the order of their key")]
    Unsorted,
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Orders one part's rows.
pub(super) struct KeyOrder {
    columns: Vec<usize>,
    converter: RowConverter,
    /// The batch that came last, and its keys.
    held: Option<(RecordBatch, Rows)>,
    /// Rows that came before their place, the lowest key on top.
    waiting: BinaryHeap<Reverse<Waiting>>,
    waiting_bytes: usize,
    /// Rows that have waited so far, which tells equal keys apart.
    strays: u64,
    /// The last key that was given out.
    last: Option<OwnedRow>,
    /// The first and the last key, if keys may be shown.
    range: Option<(Vec<String>, Vec<String>)>,
    is_shown: bool,
}

/// A row that waits, ordered by its key and among equals by its coming.
struct Waiting {
    key: OwnedRow,
    number: u64,
    /// The strays of one batch.
    strays: Arc<RecordBatch>,
    row: usize,
    /// Its share of the memory.
    bytes: usize,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.key, self.number).cmp(&(&other.key, other.number))
    }
}

impl KeyOrder {
    /// Orders by the columns at these positions, the first of them first.
    pub(super) fn new(schema: &SchemaRef, columns: Vec<usize>) -> Result<Self, ArrowError> {
        let types = columns
            .iter()
            .map(|column| schema.field(*column).data_type());
        let is_shown = types.clone().all(is_impersonal);
        // As Postgres orders: ascending, nulls last.
        let options = SortOptions::new(false, false);
        let fields = types
            .map(|kind| SortField::new_with_options(kind.clone(), options))
            .collect();
        Ok(Self {
            columns,
            converter: RowConverter::new(fields)?,
            held: None,
            waiting: BinaryHeap::new(),
            waiting_bytes: 0,
            strays: 0,
            last: None,
            range: None,
            is_shown,
        })
    }

    /// Takes the next batch; returns the rows whose place is sure by now.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, OrderError> {
        let keys = self.converter.convert_columns(&self.keys(&batch))?;
        let Some(least) = keys.iter().min().map(|key| key.owned()) else {
            return Ok(None);
        };
        if self.last.as_ref().is_some_and(|last| least < *last) {
            return Err(OrderError::Unsorted);
        }
        match self.held.replace((batch, keys)) {
            Some((batch, keys)) => self.place(batch, &keys, Some(&least)),
            None => Ok(None),
        }
    }

    /// Ends the part; returns the rows that were still held.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, OrderError> {
        match self.held.take() {
            Some((batch, keys)) => self.place(batch, &keys, None),
            None => Ok(None),
        }
    }

    /// The first and the last key given out.
    pub(super) fn range(self) -> Option<(Vec<String>, Vec<String>)> {
        self.range
    }

    /// Gives out a batch's rows and those that have waited for a place among them; `least` is
    /// the lowest key behind the batch, `None` at the part's end.
    fn place(
        &mut self,
        batch: RecordBatch,
        keys: &Rows,
        least: Option<&OwnedRow>,
    ) -> Result<Option<RecordBatch>, OrderError> {
        let (mut in_place, mut strays) = (Vec::new(), Vec::new());
        let mut lowest = least.map(OwnedRow::row);
        for row in (0..keys.num_rows()).rev() {
            let key = keys.row(row);
            if lowest.is_some_and(|lowest| key > lowest) {
                strays.push(row);
            } else {
                in_place.push(row);
                lowest = Some(key);
            }
        }
        in_place.reverse();
        strays.reverse();
        let last = in_place.last().map(|row| keys.row(*row).owned());
        self.wait(&batch, keys, &strays)?;
        let is_due = |waiting: &Reverse<Waiting>| {
            least.is_none() || last.as_ref().is_some_and(|last| waiting.0.key <= *last)
        };
        let placed = if strays.is_empty() && !self.waiting.peek().is_some_and(is_due) {
            batch
        } else {
            let mut due = Vec::new();
            while self.waiting.peek().is_some_and(is_due) {
                due.extend(self.waiting.pop().map(|Reverse(waiting)| waiting));
            }
            self.waiting_bytes -= due.iter().map(|waiting| waiting.bytes).sum::<usize>();
            let due_last = due.last().map(|waiting| waiting.key.clone());
            let placed = merge(&batch, keys, &in_place, &due)?;
            self.last = due_last.max(self.last.take());
            placed
        };
        self.last = last.max(self.last.take());
        if placed.num_rows() == 0 {
            return Ok(None);
        }
        self.show(&placed)?;
        Ok(Some(placed))
    }

    /// Sets these rows of a batch aside.
    fn wait(&mut self, batch: &RecordBatch, keys: &Rows, rows: &[usize]) -> Result<(), OrderError> {
        if rows.is_empty() {
            return Ok(());
        }
        let places: UInt64Array = rows.iter().map(|row| *row as u64).collect();
        let strays = Arc::new(take_record_batch(batch, &places)?);
        let bytes = strays.get_array_memory_size() / rows.len();
        for (place, row) in rows.iter().enumerate() {
            self.strays += 1;
            self.waiting_bytes += bytes;
            self.waiting.push(Reverse(Waiting {
                key: keys.row(*row).owned(),
                number: self.strays,
                strays: Arc::clone(&strays),
                row: place,
                bytes,
            }));
        }
        if self.waiting_bytes > WAITING_BYTES {
            return Err(OrderError::Unsorted);
        }
        Ok(())
    }

    fn keys(&self, batch: &RecordBatch) -> Vec<Arc<dyn Array>> {
        let columns = self.columns.iter();
        columns
            .map(|column| Arc::clone(batch.column(*column)))
            .collect()
    }

    /// Notes the first and the last key of what is given out.
    fn show(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        if self.is_shown {
            let keys = self.keys(batch);
            let last = shown(&keys, batch.num_rows() - 1)?;
            match &mut self.range {
                Some(range) => range.1 = last,
                None => self.range = Some((shown(&keys, 0)?, last)),
            }
        }
        Ok(())
    }
}

/// The rows of a batch that are in their place, and among them those that have waited.
fn merge(
    batch: &RecordBatch,
    keys: &Rows,
    in_place: &[usize],
    due: &[Waiting],
) -> Result<RecordBatch, ArrowError> {
    let mut batches = vec![batch];
    batches.extend(due.iter().map(|waiting| &*waiting.strays));
    let mut order = Vec::with_capacity(in_place.len() + due.len());
    let mut waiting = due.iter().enumerate().peekable();
    let place = |(index, waiting): (usize, &Waiting)| (index + 1, waiting.row);
    for row in in_place {
        let key = keys.row(*row);
        while let Some(before) = waiting.next_if(|(_, waiting)| waiting.key.row() < key) {
            order.push(place(before));
        }
        order.push((0, *row));
    }
    order.extend(waiting.map(place));
    interleave_record_batch(&batches, &order)
}

/// Numbers, dates and UUIDs name rows without saying anything of a person; texts may be an
/// address or a name.
pub(super) fn is_impersonal(kind: &DataType) -> bool {
    kind.is_numeric() || kind.is_temporal() || matches!(kind, DataType::FixedSizeBinary(_))
}

fn shown(keys: &[Arc<dyn Array>], row: usize) -> Result<Vec<String>, ArrowError> {
    let options = FormatOptions::default();
    keys.iter()
        .map(|key| {
            Ok(ArrayFormatter::try_new(key, &options)?
                .value(row)
                .to_string())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;

    fn batch(days: &[i64], names: &[&str]) -> RecordBatch {
        RecordBatch::try_from_iter([
            (
                "name",
                Arc::new(StringArray::from(names.to_vec())) as ArrayRef,
            ),
            ("day", Arc::new(Int64Array::from(days.to_vec())) as ArrayRef),
        ])
        .unwrap()
    }

    fn order(columns: Vec<usize>) -> KeyOrder {
        KeyOrder::new(&batch(&[], &[]).schema(), columns).unwrap()
    }

    /// The rows in the order given out, or `None` when they cannot be put into order.
    fn ordered(order: &mut KeyOrder, batches: Vec<RecordBatch>) -> Option<Vec<(i64, String)>> {
        let mut placed = Vec::new();
        for batch in batches {
            match order.push(batch) {
                Err(OrderError::Unsorted) => return None,
                rows => placed.extend(rows.unwrap()),
            }
        }
        match order.finish() {
            Err(OrderError::Unsorted) => return None,
            rows => placed.extend(rows.unwrap()),
        }
        let all = concat_batches(&batch(&[], &[]).schema(), &placed).unwrap();
        let days = all.column(1).as_primitive::<Int64Type>().values();
        let names = all.column(0).as_string::<i32>().iter();
        let names = names.map(|name| name.unwrap().to_owned());
        Some(days.iter().copied().zip(names).collect())
    }

    fn days(batches: &[&[i64]]) -> Option<Vec<i64>> {
        let batches = batches
            .iter()
            .map(|days| batch(days, &vec![""; days.len()]))
            .collect();
        let rows = ordered(&mut order(vec![1]), batches)?;
        Some(rows.into_iter().map(|(day, _)| day).collect())
    }

    #[test]
    fn a_row_before_its_place_waits_for_it() {
        // In the same batch, in the next, beyond the next, and to the end.
        assert_eq!(days(&[&[1, 9, 2, 10]]), Some(vec![1, 2, 9, 10]));
        assert_eq!(days(&[&[1, 5], &[2, 6]]), Some(vec![1, 2, 5, 6]));
        assert_eq!(
            days(&[&[1, 8, 7, 20], &[2], &[3, 4], &[9]]),
            Some(vec![1, 2, 3, 4, 7, 8, 9, 20])
        );
        // A batch of which every row waits.
        assert_eq!(
            days(&[&[1], &[7, 8], &[2], &[9]]),
            Some(vec![1, 2, 7, 8, 9])
        );
    }

    #[test]
    fn a_row_after_its_place_is_refused() {
        assert_eq!(days(&[&[2, 3], &[4], &[1]]), None);
        // Nothing was given out yet, so its place is still free.
        assert_eq!(days(&[&[2, 3], &[1]]), Some(vec![1, 2, 3]));
    }

    #[test]
    fn more_than_may_wait_is_refused() {
        let wide = "x".repeat(WAITING_BYTES / 2);
        let batches = |names: &[&str]| vec![batch(&[7, 8, 9], names), batch(&[1], &[""])];
        assert!(ordered(&mut order(vec![1]), batches(&["", "", ""])).is_some());
        assert!(ordered(&mut order(vec![1]), batches(&[&wide, &wide, &wide])).is_none());
    }

    #[test]
    fn equal_keys_are_in_order_and_the_second_column_decides() {
        let rows = ordered(
            &mut order(vec![1, 0]),
            vec![
                batch(&[1, 1, 2, 2], &["a", "b", "B", "A"]),
                batch(&[1, 2], &["b", "C"]),
            ],
        );
        let expected = [(1, "a"), (1, "b"), (1, "b"), (2, "A"), (2, "B"), (2, "C")];
        let expected = expected.map(|(day, name)| (day, name.to_owned()));
        assert_eq!(rows, Some(expected.to_vec()));
    }

    #[test]
    fn keys_that_are_numbers_are_shown_and_texts_are_not() {
        let batches = || {
            vec![
                batch(&[], &[]),
                batch(&[3, 9], &["a", "b"]),
                batch(&[4], &["c"]),
            ]
        };
        let mut by_day = order(vec![1]);
        ordered(&mut by_day, batches()).unwrap();
        let range = (vec!["3".to_owned()], vec!["9".to_owned()]);
        assert_eq!(by_day.range(), Some(range));
        let mut by_name = order(vec![0]);
        ordered(&mut by_name, batches()).unwrap();
        assert_eq!(by_name.range(), None);
    }

    proptest! {
        #[test]
        fn what_is_given_out_is_sorted_and_whole(
            batches in prop::collection::vec(prop::collection::vec(0_i64..40, 1..6), 0..12),
            steps in prop::collection::vec(0_i64..30, 12),
        ) {
            // Each batch lies somewhat above the one before, as in a table that grows.
            let mut base = 0;
            let batches: Vec<Vec<i64>> = batches
                .into_iter()
                .zip(steps)
                .map(|(days, step)| {
                    base += step;
                    days.into_iter().map(|day| base + day).collect()
                })
                .collect();
            let mut sorted: Vec<i64> = batches.concat();
            sorted.sort_unstable();
            let slices: Vec<&[i64]> = batches.iter().map(Vec::as_slice).collect();
            if let Some(rows) = days(&slices) {
                prop_assert_eq!(rows, sorted);
            } else {
                // Refused only where a row lies below one that came two batches earlier.
                let is_late = batches.iter().enumerate().any(|(at, days)| {
                    let earlier = batches[..at.saturating_sub(1)].concat();
                    earlier.iter().max() > days.iter().min()
                });
                prop_assert!(is_late);
            }
        }
    }
}
