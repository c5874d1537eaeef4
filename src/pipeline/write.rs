//! Writes one dataset and makes sure that it is what its header declares.
//!
//! In: a query's stream of record batches. Out: one Parquet file, its rows and bytes, and
//! how many rows break the header: a repeated grain, a null that must not be. Rows come
//! sorted by `order`; when that is the grain, repeated rows are neighbours, and looking at
//! neighbours is enough.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, concat_batches};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::lake::runs::{PublishedDataset, RunManifest};
use crate::pipeline::PipelineError;
use crate::pipeline::dataset::Dataset;
use crate::storage::{Location, ParquetFile, WriteSettings};

/// Small row groups let several threads read a result at once.
const RESULT_SETTINGS: WriteSettings = WriteSettings {
    row_group_rows: 131_072,
    zstd_level: 1,
};

/// Batches that may wait for the encoder.
const WAITING_BATCHES: usize = 4;

/// What was written, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) published: PublishedDataset,
    pub(super) repeated_grain: u64,
    pub(super) nulls: Vec<(String, u64)>,
}

/// The schema that a dataset's header declares.
pub(super) fn declared_schema(dataset: &Dataset) -> SchemaRef {
    // Nullability is checked, not declared to Parquet: a reader need not know, and a null
    // where none may be shall be shown in full rather than fail the encoder.
    let nullable = dataset
        .columns
        .iter()
        .map(|column| column.field.clone().with_nullable(true));
    Arc::new(Schema::new(nullable.collect::<Vec<_>>()))
}

/// Writes the stream's rows under `runs/<run>/<dataset>/`.
pub(super) async fn write(
    dataset: &Dataset,
    stream: SendableRecordBatchStream,
    out: &Location,
    run: &str,
) -> Result<Written, PipelineError> {
    let schema = declared_schema(dataset);
    let file = format!("{}/part-00000.parquet", dataset.name);
    let path = format!("{}/{file}", RunManifest::folder(run));
    let mut parquet = ParquetFile::create(out, &path, &schema, RESULT_SETTINGS)?;
    let mut checks = Checks::new(dataset);
    let mut batches = read_ahead(stream);
    while let Some(batch) = batches.recv().await {
        let failure = |source| PipelineError::Query {
            file: dataset.file(),
            source,
        };
        let batch = batch.map_err(|error| failure(Box::new(error)))?;
        // The columns are the declared ones; their nullability is not.
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
            .and_then(|batch| checks.look_at(&batch).map(|()| batch))
            .map_err(|error| failure(Box::new(error.into())))?;
        parquet.write(batch).await?;
    }
    let summary = parquet.finish().await?;
    Ok(Written {
        published: PublishedDataset {
            name: dataset.name.clone(),
            grain: dataset.grain.clone(),
            order: dataset.order.clone(),
            files: vec![file],
            rows: summary.rows,
            bytes: summary.bytes,
        },
        repeated_grain: checks.repeated,
        nulls: checks.nulls,
    })
}

/// Runs the query in a task of its own, so that computing and encoding overlap.
fn read_ahead(
    mut stream: SendableRecordBatchStream,
) -> mpsc::Receiver<datafusion::error::Result<RecordBatch>> {
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    tokio::spawn(async move {
        while let Some(batch) = stream.next().await {
            if sender.send(batch).await.is_err() {
                return; // the writer failed and says why
            }
        }
    });
    receiver
}

/// What the header says of rows, looked at batch by batch.
struct Checks {
    /// The grain's columns by position; empty when neighbours tell nothing.
    grain: Vec<usize>,
    not_null: Vec<(usize, String)>,
    last_row: Option<RecordBatch>,
    repeated: u64,
    nulls: Vec<(String, u64)>,
}

impl Checks {
    fn new(dataset: &Dataset) -> Self {
        let place = |name: &String| {
            dataset
                .columns
                .iter()
                .position(|column| column.field.name() == name)
        };
        let sorted_by_grain = dataset.order == dataset.grain;
        let grain = if sorted_by_grain {
            dataset.grain.iter().filter_map(place).collect()
        } else {
            Vec::new()
        };
        let not_null = dataset.columns.iter().enumerate();
        let not_null = not_null
            .filter(|(_, column)| !column.field.is_nullable())
            .map(|(index, column)| (index, column.field.name().clone()))
            .collect();
        Self {
            grain,
            not_null,
            last_row: None,
            repeated: 0,
            nulls: Vec::new(),
        }
    }

    fn look_at(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        for (index, name) in &self.not_null {
            let found = batch.column(*index).null_count() as u64;
            match self.nulls.iter_mut().find(|(column, _)| column == name) {
                Some((_, count)) => *count += found,
                None if found > 0 => self.nulls.push((name.clone(), found)),
                None => {}
            }
        }
        if self.grain.is_empty() || batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = batch.project(&self.grain)?;
        let joined = match &self.last_row {
            Some(last) => concat_batches(&keys.schema(), [last, &keys])?,
            None => keys.clone(),
        };
        self.repeated += equal_neighbours(&joined)?;
        self.last_row = Some(keys.slice(keys.num_rows() - 1, 1));
        Ok(())
    }
}

/// How many rows equal the row before, nulls equal to nulls.
fn equal_neighbours(keys: &RecordBatch) -> Result<u64, ArrowError> {
    let pairs = keys.num_rows() - 1;
    let mut equal: Option<BooleanArray> = None;
    for column in keys.columns() {
        let same = not_distinct(&column.slice(0, pairs), &column.slice(1, pairs))?;
        equal = Some(match equal {
            Some(before) => and(&before, &same)?,
            None => same,
        });
    }
    Ok(equal.map_or(0, |equal| equal.true_count() as u64))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn checks() -> Checks {
        let header =
            "-- x\n-- grain: a, b\n-- column: a  bigint not null  x\n-- column: b  text  x\n";
        Checks::new(&Dataset::parse("results/x.sql", &format!("{header}select 1")).unwrap())
    }

    fn rows(a: Vec<Option<i64>>, b: Vec<Option<&str>>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("a", Arc::new(Int64Array::from(a)) as _, true),
            ("b", Arc::new(StringArray::from(b)) as _, true),
        ])
        .unwrap()
    }

    #[test]
    fn a_repeated_grain_is_seen_within_and_across_batches() {
        let mut checks = checks();
        checks
            .look_at(&rows(vec![Some(1), Some(1)], vec![Some("x"), None]))
            .unwrap();
        assert_eq!(checks.repeated, 0);
        // (1, null) stands at the end of the batch before; nulls name one group.
        checks
            .look_at(&rows(vec![Some(1), Some(2)], vec![None, Some("x")]))
            .unwrap();
        checks
            .look_at(&rows(vec![Some(2), Some(2)], vec![Some("x"), Some("x")]))
            .unwrap();
        assert_eq!(checks.repeated, 3);
    }

    #[test]
    fn a_null_is_counted_where_none_may_be() {
        let mut checks = checks();
        checks
            .look_at(&rows(
                vec![Some(1), None, None],
                vec![None, None, Some("x")],
            ))
            .unwrap();
        checks.look_at(&rows(vec![None], vec![None])).unwrap();
        assert_eq!(checks.nulls, [("a".to_owned(), 3)]);
    }
}
