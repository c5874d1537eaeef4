//! Whether rows come in the order of their key.
//!
//! In: a part's batches one after the other. Out: whether each row's key is at least that of
//! the row before, and the first and the last key. Tables are mostly laid down in the order
//! of their key, so rows are read as they lie and only watched; sorting them is the
//! server's work, for tables where that fails.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Watches the key of one part's rows.
pub(super) struct OrderCheck {
    columns: Vec<usize>,
    converter: RowConverter,
    last: Option<OwnedRow>,
    /// The first and the last key, if keys may be shown.
    range: Option<(Vec<String>, Vec<String>)>,
    is_shown: bool,
}

impl OrderCheck {
    /// Watches the columns at these positions, the first of them first.
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
            last: None,
            range: None,
            is_shown,
        })
    }

    /// Takes the next batch; `false` when a row comes before its predecessor.
    pub(super) fn is_ordered(&mut self, batch: &RecordBatch) -> Result<bool, ArrowError> {
        let keys: Vec<_> = self
            .columns
            .iter()
            .map(|column| Arc::clone(batch.column(*column)))
            .collect();
        let rows = self.converter.convert_columns(&keys)?;
        if rows.num_rows() == 0 {
            return Ok(true);
        }
        let first = rows.row(0);
        let follows = self.last.as_ref().is_none_or(|last| last.row() <= first);
        let mut previous = first;
        for row in rows.iter().skip(1) {
            if row < previous {
                return Ok(false);
            }
            previous = row;
        }
        self.last = Some(previous.owned());
        if self.is_shown {
            let last = shown(&keys, rows.num_rows() - 1)?;
            match &mut self.range {
                Some(range) => range.1 = last,
                None => self.range = Some((shown(&keys, 0)?, last)),
            }
        }
        Ok(follows)
    }

    /// The first and the last key seen.
    pub(super) fn range(self) -> Option<(Vec<String>, Vec<String>)> {
        self.range
    }
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
    use arrow::array::{ArrayRef, Int64Array, StringArray};

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

    fn check(columns: Vec<usize>) -> OrderCheck {
        OrderCheck::new(&batch(&[], &[]).schema(), columns).unwrap()
    }

    #[test]
    fn equal_keys_are_in_order_and_a_lower_one_is_not() {
        let mut by_day_and_name = check(vec![1, 0]);
        let first = batch(&[1, 1, 2], &["a", "a", "A"]);
        assert!(by_day_and_name.is_ordered(&first).unwrap());
        // The order holds across batches, and the second column decides among equal days.
        assert!(by_day_and_name.is_ordered(&batch(&[2], &["B"])).unwrap());
        assert!(!by_day_and_name.is_ordered(&batch(&[2], &["A"])).unwrap());
        assert!(
            !check(vec![1])
                .is_ordered(&batch(&[3, 2], &["", ""]))
                .unwrap()
        );
    }

    #[test]
    fn keys_that_are_numbers_are_shown_and_texts_are_not() {
        let mut days = check(vec![1]);
        assert!(days.is_ordered(&batch(&[], &[])).unwrap());
        assert!(days.is_ordered(&batch(&[3, 4], &["", ""])).unwrap());
        assert!(days.is_ordered(&batch(&[9], &[""])).unwrap());
        let range = (vec!["3".to_owned()], vec!["9".to_owned()]);
        assert_eq!(days.range(), Some(range));
        let mut names = check(vec![0]);
        assert!(names.is_ordered(&batch(&[1], &["a"])).unwrap());
        assert_eq!(names.range(), None);
    }
}
