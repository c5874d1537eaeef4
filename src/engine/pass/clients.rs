//! Cuts sorted touches into whole clients and hands them on.
//!
//! In: batches in the order `(client_id, event_date, event_source_id)`. Out: the same rows
//! cut so that no client is split. Memory holds one batch and the touches of one client.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Result, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::engine::pass::exec::Output;
use crate::engine::pass::function::Pass;
use crate::engine::pass::sequence::{client_ids, column};
use crate::engine::pass::{contracts, credit};

/// Whole clients: rows of one batch, and where each client's rows lie in it.
pub(super) struct Clients {
    pub(super) rows: RecordBatch,
    pub(super) ranges: Vec<Range<usize>>,
}

/// Reads the whole input and sends what `pass` makes of each client, `batch_rows` rows a
/// batch or a little more.
pub(super) async fn walk(
    mut input: SendableRecordBatchStream,
    pass: Pass,
    schema: SchemaRef,
    batch_rows: usize,
    output: Output,
) -> Result<()> {
    let mut waiting: Vec<RecordBatch> = Vec::new();
    loop {
        let next = input.next().await.transpose()?;
        let ended = next.is_none();
        if let Some(batch) = next.filter(|batch| batch.num_rows() > 0) {
            waiting.push(batch);
        }
        let Some(whole) = take_whole_clients(&mut waiting, ended)? else {
            if ended {
                return Ok(());
            }
            continue;
        };
        let reader_is_there = match &pass {
            Pass::Sequence => return exec_err!("sequence_touches does not walk by client"),
            Pass::Clients => output.send(lists(&whole, &schema)).await.is_ok(),
            Pass::Contracts { lookback_micros } => output
                .send(contracts::rows(&whole, *lookback_micros, &schema))
                .await
                .is_ok(),
            Pass::Credit {
                models,
                lookback_micros,
            } => {
                let mut credit = credit::Credit::new(models, *lookback_micros, batch_rows);
                credit.walk(&whole, &schema, &output).await?
            }
        };
        if ended || !reader_is_there {
            return Ok(());
        }
    }
}

/// The clients that are known to be complete; the last client's rows keep waiting until
/// another client follows or the input has ended.
fn take_whole_clients(waiting: &mut Vec<RecordBatch>, ended: bool) -> Result<Option<Clients>> {
    let (Some(first), Some(last)) = (waiting.first(), waiting.last()) else {
        return Ok(None);
    };
    let last_ids = client_ids(last)?;
    let last_client = last_ids.value(last_ids.len() - 1);
    if !ended && client_ids(first)?.value(0) == last_client {
        return Ok(None); // one client so far: its rows are copied only once, when it ends
    }
    let rows = concat_batches(&first.schema(), waiting.iter())?;
    waiting.clear();
    let ids = client_ids(&rows)?;
    let complete = if ended {
        rows.num_rows()
    } else {
        start_of_last(ids)
    };
    if complete < rows.num_rows() {
        waiting.push(rows.slice(complete, rows.num_rows() - complete));
    }
    let ranges = ranges(&ids.slice(0, complete));
    Ok(Some(Clients {
        rows: rows.slice(0, complete),
        ranges,
    }))
}

fn start_of_last(ids: &Int64Array) -> usize {
    let last = ids.values().last();
    ids.values()
        .iter()
        .rposition(|id| Some(id) != last)
        .map_or(0, |before| before + 1)
}

fn ranges(ids: &Int64Array) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for client in ids.values().chunk_by(|left, right| left == right) {
        ranges.push(start..start + client.len());
        start += client.len();
    }
    ranges
}

/// One row per client; a list is a window on the input's column, nothing is copied.
fn lists(clients: &Clients, schema: &SchemaRef) -> Result<RecordBatch> {
    let offsets = OffsetBuffer::from_lengths(clients.ranges.iter().map(ExactSizeIterator::len));
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let values = column(&clients.rows, field.name())?;
        let DataType::List(item) = field.data_type() else {
            let ids = client_ids(&clients.rows)?;
            columns.push(Arc::new(Int64Array::from_iter_values(
                clients.ranges.iter().map(|range| ids.value(range.start)),
            )));
            continue;
        };
        let (item, values) = (Arc::clone(item), Arc::clone(values));
        columns.push(Arc::new(ListArray::try_new(
            item,
            offsets.clone(),
            values,
            None,
        )?));
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
