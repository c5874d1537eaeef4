//! Checks the inputs before anything is computed: tables, columns, types, keys.

use arrow::array::{Array, Int64Array};
use datafusion::common::cast::as_int64_array;
use datafusion::error::DataFusionError;
use futures::StreamExt;

use crate::engine::{Engine, EngineError};
use crate::pipeline::PipelineError;
use crate::schema::Table;

/// Lays conforming views over the tables and makes sure that their keys are unique.
///
/// Returns a note per table that lacks optional columns.
///
/// # Errors
/// [`EngineError`] for a missing table or column or a wrong type, and
/// [`PipelineError::DuplicateKeys`].
pub async fn check_inputs(
    engine: &Engine,
    tables: &[Table],
    lake: &str,
    time_zone: &str,
) -> Result<Vec<String>, PipelineError> {
    let mut notes = Vec::new();
    for table in tables {
        let absent = engine.conform(table, lake, time_zone).await?;
        if !absent.is_empty() {
            let columns = absent.join(", ");
            notes.push(format!(
                "{} lacks {columns}: read as null",
                table.qualified()
            ));
        }
    }
    for table in tables.iter().filter(|table| table.unique) {
        check_key(engine, table).await?;
    }
    Ok(notes)
}

async fn check_key(engine: &Engine, table: &Table) -> Result<(), PipelineError> {
    let [key] = table.key else { return Ok(()) };
    if is_strictly_ascending(engine, table, key).await? {
        return Ok(());
    }
    let sql = format!(
        "select count(*) as keys, min({key}) as example from \
         (select {key} from {} where {key} is not null group by {key} having count(*) > 1)",
        table.qualified()
    );
    let batches = collect(engine, &sql).await?;
    let numbers = |column: usize| -> Result<Int64Array, EngineError> {
        let batch = batches
            .first()
            .ok_or_else(|| DataFusionError::Internal("an aggregate made no row".to_owned()))?;
        Ok(as_int64_array(batch.column(column))?.clone())
    };
    let (keys, example) = (numbers(0)?, numbers(1)?);
    if keys.value(0) == 0 {
        return Ok(());
    }
    Err(PipelineError::DuplicateKeys {
        table: table.qualified(),
        key: (*key).to_owned(),
        keys: keys.value(0).unsigned_abs(),
        example: example.value(0).to_string(),
    })
}

async fn collect(
    engine: &Engine,
    sql: &str,
) -> Result<Vec<arrow::array::RecordBatch>, EngineError> {
    Ok(engine.context().sql(sql).await?.collect().await?)
}

/// Whether the key ascends through every partition, none overlapping another.
///
/// Exports and the demo write rows in key order; then one look at the column replaces a
/// hash table of all keys. `false` says nothing: the keys may still be unique.
async fn is_strictly_ascending(
    engine: &Engine,
    table: &Table,
    key: &str,
) -> Result<bool, EngineError> {
    let sql = format!("select {key} from {}", table.qualified());
    let frame = engine.context().sql(&sql).await?;
    let partitions = frame.execute_stream_partitioned().await?;
    let walks = partitions.into_iter().map(|mut stream| {
        tokio::spawn(async move {
            let mut range: Option<(i64, i64)> = None;
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                let keys = as_int64_array(batch.column(0))?;
                if keys.null_count() > 0 {
                    return Ok(None);
                }
                for key in keys.values() {
                    match &mut range {
                        Some((_, last)) if *key <= *last => return Ok(None),
                        Some((_, last)) => *last = *key,
                        None => range = Some((*key, *key)),
                    }
                }
            }
            Ok::<_, DataFusionError>(Some(range))
        })
    });
    let mut ranges = Vec::new();
    for walk in walks.collect::<Vec<_>>() {
        let walked = walk
            .await
            .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?;
        match walked? {
            Some(range) => ranges.extend(range),
            None => return Ok(false),
        }
    }
    ranges.sort_unstable();
    Ok(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0))
}
