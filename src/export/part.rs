//! Copies one part of a table: COPY stream -> decoder -> encoder -> a staged file.
//!
//! In: a session in its transaction, a plan and a range of pages. Out: one complete Parquet
//! file beside the table's files, under a name that no reader takes for data, or an error and
//! no file.

use std::collections::BTreeMap;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, pin_mut};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::decode::{DecodeError, Decoder};
use super::error::ExportError;
use super::order::{KeyOrder, OrderError};
use super::plan::TablePlan;
use super::session::Session;
use super::types::NotFinite;
use crate::lake::exports::Pages;
use crate::storage::{FileSummary, Location, ParquetFile, StorageError, WriteSettings};

/// Batches between decoding and encoding: one being encoded, two waiting, one being filled
/// is what memory holds of a part beside the encoder's row group.
const BATCHES_IN_FLIGHT: usize = 2;

/// What is learned of a part's rows while they are read.
pub(super) struct PartFigures {
    /// The first and the last key, where they may be shown.
    pub(super) key_range: Option<(Vec<String>, Vec<String>)>,
    /// Values without end, by column, where there are any.
    pub(super) not_finite: BTreeMap<String, u64>,
}

/// What is to be copied, and where to.
pub(super) struct PartRequest<'a> {
    pub(super) plan: &'a TablePlan,
    pub(super) pages: Option<&'a Pages>,
    pub(super) lake: &'a Location,
    /// Path of the file below the lake.
    pub(super) staged: &'a str,
    /// What becomes of values without end.
    pub(super) not_finite: NotFinite,
    /// Whether the server sorts the rows; else they are put into order here.
    pub(super) sorted: bool,
    /// Hears after each batch how many rows and bytes were received; `false` ends the copy.
    pub(super) goes_on: &'a (dyn Fn(u64, u64) -> bool + Sync),
}

/// How a copy ended.
pub(super) enum Copied {
    /// All rows were received.
    Rows(ReceivedRows),
    /// The rows lie too far from the order of their key; no file was left.
    Unsorted,
    /// It was not to go on; no file was left.
    Stopped,
}

/// Rows of which the last are still being encoded, so that the connection is free for the
/// next part.
pub(super) struct ReceivedRows {
    encoder: Encoder,
    figures: PartFigures,
}

impl ReceivedRows {
    /// Completes the file.
    pub(super) async fn finish(self) -> Result<(FileSummary, PartFigures), ExportError> {
        let file = self.encoder.file().await?;
        Ok((file.finish().await?, self.figures))
    }
}

/// The task that encodes a part, in a set, which ends it when the copy is given up.
struct Encoder {
    table: String,
    task: JoinSet<Result<ParquetFile, StorageError>>,
}

impl Encoder {
    /// The file with all rows that were sent.
    async fn file(mut self) -> Result<ParquetFile, ExportError> {
        let joined = self.task.join_next().await;
        let table = self.table;
        let joined = joined.ok_or_else(|| ExportError::NoEncoder {
            table: table.clone(),
        })?;
        Ok(joined.map_err(|source| ExportError::Encoder { table, source })??)
    }

    /// Gives the file up.
    async fn abort(self) -> Result<(), ExportError> {
        Ok(self.file().await?.abort().await?)
    }
}

/// Why rows stopped coming.
enum Received {
    All(PartFigures),
    Unsorted,
    Stopped,
}

/// Copies the part.
pub(super) async fn copy_part(
    session: &Session,
    request: &PartRequest<'_>,
) -> Result<Copied, ExportError> {
    let (plan, settings) = (request.plan, WriteSettings::default());
    let file = ParquetFile::create(request.lake, request.staged, &plan.arrow(), settings)?;
    let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
    // Its own task, so that encoding goes on while the next rows are received and decoded.
    let mut task = JoinSet::new();
    task.spawn(encode(file, receiver));
    let table = plan.table.clone();
    let encoder = Encoder { table, task };
    match receive(session, request, sender).await {
        Ok(Received::All(figures)) => Ok(Copied::Rows(ReceivedRows { encoder, figures })),
        // An encoder's failure is the cause of having no one to send to.
        Ok(Received::Stopped) => encoder.abort().await.map(|()| Copied::Stopped),
        Ok(Received::Unsorted) => encoder.abort().await.map(|()| Copied::Unsorted),
        Err(error) => {
            encoder.abort().await?;
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

/// Decodes the part's stream and sends its batches.
async fn receive(
    session: &Session,
    request: &PartRequest<'_>,
    sender: mpsc::Sender<RecordBatch>,
) -> Result<Received, ExportError> {
    let plan = request.plan;
    let kinds = plan.columns.iter().map(|column| &column.kind);
    let mut decoder = Decoder::new(plan.arrow(), kinds, request.not_finite);
    let failure = |error| decode_failure(plan, error);
    let mut rows = Rows::new(plan, request.sorted, sender)?;
    let stream = session
        .copy_out(&plan.copy(request.pages, request.sorted)?)
        .await?
        .map_err(|source| session.failure(source));
    pin_mut!(stream);
    let mut bytes = 0;
    while let Some(messages) = stream.next().await.transpose()? {
        for body in messages.bodies() {
            bytes += body.len() as u64;
            let Some(batch) = decoder.push(body).map_err(failure)? else {
                continue;
            };
            if let Some(end) = rows.send(Some(batch)).await? {
                return Ok(end);
            }
            if !(request.goes_on)(decoder.rows(), bytes) {
                return Ok(Received::Stopped);
            }
        }
    }
    let last = decoder.finish().map_err(failure)?;
    for batch in [last, None] {
        if let Some(end) = rows.send(batch).await? {
            return Ok(end);
        }
    }
    (request.goes_on)(decoder.rows(), bytes);
    let key_range = rows.order.and_then(KeyOrder::range);
    Ok(Received::All(PartFigures {
        key_range: key_range.filter(|_| plan.may_show_keys()),
        not_finite: counts(plan, &decoder.not_finite()),
    }))
}

/// A part's batches on their way to the encoder.
struct Rows<'a> {
    plan: &'a TablePlan,
    /// Puts them into order, unless the server does or they have none.
    order: Option<KeyOrder>,
    sender: mpsc::Sender<RecordBatch>,
}

impl<'a> Rows<'a> {
    fn new(
        plan: &'a TablePlan,
        sorted: bool,
        sender: mpsc::Sender<RecordBatch>,
    ) -> Result<Self, ExportError> {
        let watched = plan.watched.clone();
        let watched = watched.filter(|_| plan.is_ordered() && !sorted);
        let order = watched.map(|columns| KeyOrder::new(&plan.arrow(), columns));
        let order = order.transpose().map_err(|source| kernel(plan, source))?;
        Ok(Self {
            plan,
            order,
            sender,
        })
    }

    /// Sends what is ready after this batch, all that is left after `None`; why no more rows
    /// are taken, if so.
    async fn send(&mut self, batch: Option<RecordBatch>) -> Result<Option<Received>, ExportError> {
        let ready = match (&mut self.order, batch) {
            (Some(order), Some(batch)) => order.push(batch),
            (Some(order), None) => order.finish(),
            (None, batch) => Ok(batch),
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(OrderError::Unsorted) => return Ok(Some(Received::Unsorted)),
            Err(OrderError::Arrow(source)) => return Err(kernel(self.plan, source)),
        };
        let Some(batch) = ready else {
            return Ok(None);
        };
        let batch = self.plan.contacts.apply(batch);
        let batch = batch.map_err(|source| kernel(self.plan, source))?;
        // Refused only by an encoder that has failed and says why.
        let sent = self.sender.send(batch).await;
        Ok(sent.err().map(|_| Received::Stopped))
    }
}

fn kernel(plan: &TablePlan, source: ArrowError) -> ExportError {
    ExportError::Batch {
        table: plan.table.clone(),
        source,
    }
}

/// The counts above zero, by column.
fn counts(plan: &TablePlan, counts: &[u64]) -> BTreeMap<String, u64> {
    let columns = plan.columns.iter().zip(counts);
    let counted = columns.filter(|(_, count)| **count > 0);
    counted
        .map(|(column, count)| (column.name.clone(), *count))
        .collect()
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
                key: None,
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
