//! Numbers the touches of each client without moving the wide columns.
//!
//! In: batches in the order `(client_id, event_date, event_source_id)`. Out: the same rows
//! with their sequence number and marks. A batch is held back until the next one tells
//! whether its last row is its client's last.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use datafusion::common::cast::{as_int64_array, as_timestamp_microsecond_array};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::engine::pass::exec::Output;

/// The input's columns and the four that the pass adds.
pub(super) fn fields(input: &SchemaRef) -> Vec<Field> {
    let mut fields: Vec<Field> = input
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.extend([
        Field::new("touch_sequence_number", DataType::Int32, false),
        Field::new("is_first_touch", DataType::Boolean, false),
        Field::new("is_last_touch", DataType::Boolean, false),
        Field::new(
            "first_touch_date",
            DataType::Timestamp(TimeUnit::Microsecond, None),
            true,
        ),
    ]);
    fields
}

/// Where the walk stands: the client of the row before, its first touch and its count.
#[derive(Default)]
struct Client {
    id: Option<i64>,
    first_touch: i64,
    touches: i32,
}

/// A batch whose last row may or may not be its client's last.
struct Numbered {
    batch: RecordBatch,
    sequence: Vec<i32>,
    first_touch: Vec<i64>,
}

/// Reads the whole input and sends the numbered batches.
pub(super) async fn walk(
    mut input: SendableRecordBatchStream,
    schema: SchemaRef,
    output: Output,
) -> Result<()> {
    let mut client = Client::default();
    let mut held: Option<Numbered> = None;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let numbered = number(&mut client, batch)?;
        if let Some(before) = held.replace(numbered) {
            let same_client = held.as_ref().is_some_and(|next| next.sequence[0] > 1);
            if output
                .send(before.finish(&schema, same_client))
                .await
                .is_err()
            {
                return Ok(()); // the reader has enough
            }
        }
    }
    if let Some(last) = held {
        // A reader that went away wants no last batch.
        drop(output.send(last.finish(&schema, false)).await);
    }
    Ok(())
}

fn number(client: &mut Client, batch: RecordBatch) -> Result<Numbered> {
    let ids = client_ids(&batch)?;
    let dates = as_timestamp_microsecond_array(column(&batch, "event_date")?)?;
    let mut sequence = Vec::with_capacity(batch.num_rows());
    let mut first_touch = Vec::with_capacity(batch.num_rows());
    for (id, date) in ids.values().iter().zip(dates.values()) {
        if client.id == Some(*id) {
            client.touches += 1;
        } else {
            *client = Client {
                id: Some(*id),
                first_touch: *date,
                touches: 1,
            };
        }
        sequence.push(client.touches);
        first_touch.push(client.first_touch);
    }
    Ok(Numbered {
        batch,
        sequence,
        first_touch,
    })
}

/// A column that the table function made sure of.
pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| exec_datafusion_err!("the pass lost its column `{name}`"))
}

impl Numbered {
    /// The batch with its new columns; `goes_on` says that the next batch begins with the
    /// same client.
    fn finish(self, schema: &SchemaRef, goes_on: bool) -> Result<RecordBatch> {
        let is_first: BooleanArray = self.sequence.iter().map(|n| Some(*n == 1)).collect();
        let next_is_first = self.sequence.iter().skip(1).map(|n| *n == 1);
        let is_last: BooleanArray = next_is_first.chain([!goes_on]).map(Some).collect();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column: ArrayRef = match field.name().as_str() {
                "touch_sequence_number" => Arc::new(Int32Array::from(self.sequence.clone())),
                "is_first_touch" => Arc::new(is_first.clone()),
                "is_last_touch" => Arc::new(is_last.clone()),
                "first_touch_date" => {
                    Arc::new(TimestampMicrosecondArray::from(self.first_touch.clone()))
                }
                name => Arc::clone(column(&self.batch, name)?),
            };
            columns.push(column);
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

/// The client of each row; a row without a client belongs to no path and is an error here.
pub(super) fn client_ids(batch: &RecordBatch) -> Result<&Int64Array> {
    let ids = as_int64_array(column(batch, "client_id")?)?;
    if ids.null_count() > 0 {
        return exec_err!("touches without a client have no path: filter `client_id is not null`");
    }
    Ok(ids)
}
