//! Copies one table: COPY stream -> decoder -> encoder -> a staged file.
//!
//! In: a session in its transaction and a plan. Out: one complete Parquet file beside the
//! table's files, under a name that no reader takes for data, or an error and no file.

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, pin_mut};
use tokio::sync::mpsc;

use super::Progress;
use super::decode::{DecodeError, Decoder};
use super::error::ExportError;
use super::plan::TablePlan;
use super::session::Session;
use crate::storage::{FileSummary, Location, ParquetFile, StorageError, WriteSettings};

/// Batches between decoding and encoding: one being encoded, two waiting, one being filled
/// is what memory holds of a table beside the encoder's row group.
const BATCHES_IN_FLIGHT: usize = 2;

/// Copies the table to `staged` below the lake.
pub(super) async fn copy_table(
    session: &Session,
    plan: &TablePlan,
    lake: &Location,
    staged: &str,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
) -> Result<FileSummary, ExportError> {
    let file = ParquetFile::create(lake, staged, &plan.arrow(), WriteSettings::default())?;
    let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
    // Its own task, so that encoding goes on while the next rows are received and decoded.
    let encoder = tokio::spawn(encode(file, receiver));
    let received = receive(session, plan, sender, progress).await;
    let encoded = encoder.await.map_err(|source| ExportError::Encoder {
        table: plan.table.clone(),
        source,
    })?;
    match (received, encoded) {
        (Ok(()), Ok(file)) => Ok(file.finish().await?),
        // The encoder's failure is the cause of the receiver's having no one to send to.
        (_, Err(error)) => Err(error.into()),
        (Err(error), Ok(file)) => {
            file.abort().await?;
            Err(error)
        }
    }
}

/// Writes batches until there are no more; the file is not yet complete then.
async fn encode(
    mut file: ParquetFile,
    mut batches: mpsc::Receiver<RecordBatch>,
) -> Result<ParquetFile, StorageError> {
    while let Some(batch) = batches.recv().await {
        if let Err(error) = file.write(batch).await {
            file.abort().await?;
            return Err(error);
        }
    }
    Ok(file)
}

/// Decodes the table's stream and sends its batches.
async fn receive(
    session: &Session,
    plan: &TablePlan,
    sender: mpsc::Sender<RecordBatch>,
    progress: &(dyn Fn(&Progress<'_>) + Sync),
) -> Result<(), ExportError> {
    let mut decoder = Decoder::new(plan.arrow(), plan.columns.iter().map(|column| column.kind));
    let failure = |error| decode_failure(plan, error);
    let stream = session
        .copy_out(&plan.copy)
        .await?
        .map_err(|source| session.failure(source));
    pin_mut!(stream);
    let mut bytes = 0;
    let report = |rows, bytes| {
        progress(&Progress {
            table: &plan.table,
            rows,
            bytes,
            estimated_rows: plan.estimated_rows,
        });
    };
    while let Some(message) = stream.next().await {
        let message = message?;
        bytes += message.len() as u64;
        if let Some(batch) = decoder.push(&message).map_err(failure)? {
            let batch = plan
                .contacts
                .apply(batch)
                .map_err(|source| failure(source.into()))?;
            if sender.send(batch).await.is_err() {
                // The encoder has failed and says why.
                return Ok(());
            }
            report(decoder.rows(), bytes);
        }
    }
    let last = decoder.finish().map_err(failure)?;
    report(decoder.rows(), bytes);
    if let Some(batch) = last {
        let batch = plan
            .contacts
            .apply(batch)
            .map_err(|source| failure(source.into()))?;
        // Refused only by an encoder that has failed and says why.
        drop(sender.send(batch).await);
    }
    Ok(())
}

fn decode_failure(plan: &TablePlan, error: DecodeError) -> ExportError {
    let table = plan.table.clone();
    match error {
        DecodeError::Value {
            column,
            row,
            problem,
        } => {
            let column = plan.columns.get(column).map(|column| column.name.clone());
            ExportError::Value {
                table,
                column: column.unwrap_or_default(),
                row,
                problem,
            }
        }
        DecodeError::Stream { row, problem } => ExportError::Stream {
            table,
            row,
            problem,
        },
        DecodeError::Batch(source) => ExportError::Batch { table, source },
    }
}
