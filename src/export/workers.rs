//! Copies parts over several connections that see one snapshot.
//!
//! In: plans, the parts that are still to be read, a snapshot. Out: one staged file a part,
//! each noted in the journal as soon as it is complete. Each worker has a connection of its
//! own; one that is lost is made anew as long as the snapshot can be joined, and the part is
//! read again from its beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, RetryableWithContext};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::connection::Database;
use super::error::ExportError;
use super::journal::Journal;
use super::part::{Copied, PartRequest, ReceivedRows, copy_part};
use super::plan::TablePlan;
use super::publish;
use super::session::Session;
use super::snapshot::{self, Snapshot};
use super::types::NotFinite;
use crate::lake::exports::{ExportedPart, PartContent};
use crate::storage::Location;

/// How long a lost connection is tried again: about half a minute in all.
const RETRIES: usize = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A part by the positions of its table and of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId {
    pub(super) table: usize,
    pub(super) part: usize,
}

/// What workers share.
pub(super) struct Work {
    pub(super) database: Database,
    pub(super) snapshot: Snapshot,
    pub(super) statement_minutes: u32,
    pub(super) not_finite: NotFinite,
    pub(super) lake: Location,
    pub(super) journal: Journal,
    pub(super) plans: Vec<TablePlan>,
    /// The parts to read.
    pub(super) parts: Vec<PartId>,
}

/// What a worker tells.
pub(super) enum Event {
    /// So much of a part was received.
    Received { part: PartId, rows: u64, bytes: u64 },
    /// A part is complete.
    Written {
        part: PartId,
        exported: ExportedPart,
    },
}

type Events = mpsc::Sender<Event>;

/// The work and how far it is.
struct Shared {
    work: Work,
    next: AtomicUsize,
    /// By table: its rows were found not to lie in the order of their key.
    is_unsorted: Vec<AtomicBool>,
    has_failed: AtomicBool,
}

/// Reads the parts over `jobs` connections; `hear` is told of every event.
///
/// # Errors
/// The first failure of a worker, when all of them have come to a halt.
pub(super) async fn run(
    work: Work,
    jobs: usize,
    mut hear: impl FnMut(Event),
) -> Result<(), ExportError> {
    let workers = jobs.min(work.parts.len());
    let shared = Arc::new(Shared {
        next: AtomicUsize::new(0),
        is_unsorted: work.plans.iter().map(|_| AtomicBool::new(false)).collect(),
        has_failed: AtomicBool::new(false),
        work,
    });
    let (sender, mut events) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (shared, sender) = (Arc::clone(&shared), sender.clone());
        tasks.spawn(async move {
            let outcome = shared.read_parts(&sender).await;
            if outcome.is_err() {
                shared.has_failed.store(true, Ordering::Relaxed);
            }
            outcome
        });
    }
    drop(sender);
    while let Some(event) = events.recv().await {
        hear(event);
    }
    let mut failure = None;
    while let Some(outcome) = tasks.join_next().await {
        let outcome = outcome.map_err(|source| ExportError::Worker { source });
        failure = failure.or_else(|| outcome.flatten().err());
    }
    failure.map_or(Ok(()), Err)
}

/// Waits for the part whose file is being completed.
async fn closed(closing: &mut JoinSet<Result<(), ExportError>>) -> Result<(), ExportError> {
    while let Some(outcome) = closing.join_next().await {
        outcome.map_err(|source| ExportError::Worker { source })??;
    }
    Ok(())
}

impl Shared {
    /// Takes part after part until there are no more. While the last rows of one are encoded,
    /// the next is already received.
    async fn read_parts(self: &Arc<Self>, events: &Events) -> Result<(), ExportError> {
        let mut session = None;
        let mut closing = JoinSet::new();
        while !self.has_failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.work.parts.get(number).copied() else {
                break;
            };
            let received;
            (session, received) = self.read_with_retries(part, session, events).await;
            let table = &self.work.plans[part.table].table;
            // What was received before stands, also when this part was not.
            closed(&mut closing).await?;
            let received = received.map_err(|error| error.while_waiting_for(table))?;
            let Some(rows) = received else {
                break;
            };
            closing.spawn(Arc::clone(self).close(part, rows, events.clone()));
        }
        closed(&mut closing).await
    }

    /// Reads one part, again when the connection is lost.
    async fn read_with_retries(
        &self,
        part: PartId,
        session: Option<Session>,
        events: &Events,
    ) -> (Option<Session>, Result<Option<ReceivedRows>, ExportError>) {
        let retries = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(RETRIES);
        let attempt = |mut session: Option<Session>| async move {
            let outcome = self.read_part(part, &mut session, events).await;
            (session, outcome)
        };
        attempt
            .retry(retries)
            .sleep(tokio::time::sleep)
            .context(session)
            .when(|error| error.is_connection_lost() && !self.has_failed.load(Ordering::Relaxed))
            .notify(|error, pause| {
                let table = &self.work.plans[part.table].table;
                tracing::warn!(table, part = part.part, %error, ?pause, "connection lost, the part is read again");
            })
            .await
    }

    /// Reads one part; `None` when another worker's failure has ended the work.
    async fn read_part(
        &self,
        id: PartId,
        session: &mut Option<Session>,
        events: &Events,
    ) -> Result<Option<ReceivedRows>, ExportError> {
        let plan = &self.work.plans[id.table];
        // A session that failed is not used again.
        let connected = match session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        if plan.has_own_sql {
            connected.use_own_search_path().await?;
        }
        let goes_on = |rows, bytes| {
            // Progress may be passed over when the listener is slow.
            let _ = events.try_send(Event::Received {
                part: id,
                rows,
                bytes,
            });
            !self.has_failed.load(Ordering::Relaxed)
        };
        loop {
            let sorted = plan.is_ordered()
                && (plan.watched.is_none() || self.is_unsorted[id.table].load(Ordering::Relaxed));
            let request = PartRequest {
                plan,
                pages: plan.parts[id.part].as_ref(),
                lake: &self.work.lake,
                staged: &publish::staged_path(&self.path(id)),
                sorted,
                not_finite: self.work.not_finite,
                goes_on: &goes_on,
            };
            let copied = copy_part(&connected, &request).await;
            match self.located(copied, id, sorted).await? {
                Copied::Stopped => return Ok(None),
                Copied::Unsorted => self.is_unsorted[id.table].store(true, Ordering::Relaxed),
                Copied::Rows(rows) => {
                    *session = Some(connected);
                    return Ok(Some(rows));
                }
            }
        }
    }

    /// Completes a part's file and notes it.
    async fn close(
        self: Arc<Self>,
        id: PartId,
        rows: ReceivedRows,
        events: Events,
    ) -> Result<(), ExportError> {
        let plan = &self.work.plans[id.table];
        let (summary, figures) = rows.finish().await?;
        let exported = ExportedPart {
            path: self.path(id),
            rows: summary.rows,
            bytes: summary.bytes,
            sha256: summary.sha256,
            snapshot: self.work.snapshot.text.clone(),
            pages: plan.parts[id.part].clone(),
            key_range: figures.key_range,
            not_finite: figures.not_finite,
            forgotten: 0,
            generation: plan.generation(),
            content: PartContent::Rows,
        };
        let journal = &self.work.journal;
        journal.note(&self.work.lake, id, &exported).await?;
        let (table, part) = (&plan.table, id.part);
        tracing::info!(
            table,
            part,
            rows = exported.rows,
            bytes = exported.bytes,
            "part read"
        );
        // The listener ends only after all workers.
        let _ = events.send(Event::Written { part: id, exported }).await;
        Ok(())
    }

    /// Where the part's file lies in the end.
    fn path(&self, id: PartId) -> String {
        self.work.plans[id.table].part_path(&self.work.journal.export, id.part)
    }

    /// Adds the row's key to a failure that names a row.
    async fn located(
        &self,
        outcome: Result<Copied, ExportError>,
        id: PartId,
        sorted: bool,
    ) -> Result<Copied, ExportError> {
        let plan = &self.work.plans[id.table];
        let pages = plan.parts[id.part].as_ref();
        match outcome {
            Err(ExportError::Value {
                table,
                column,
                row,
                problem,
                ..
            }) => {
                let key = match plan.locate(pages, sorted, row)? {
                    Some(sql) => self.connect().await?.column(&sql, &[]).await?.pop(),
                    None => None,
                };
                let names = plan.ordered_by.join(", ");
                Err(ExportError::Value {
                    table,
                    column,
                    row,
                    key: key.map(|key: String| format!(" ({names} {key})")),
                    problem,
                })
            }
            outcome => outcome,
        }
    }

    async fn connect(&self) -> Result<Session, ExportError> {
        let session = Session::connect(&self.work.database).await?;
        session
            .limit_statements(self.work.statement_minutes)
            .await?;
        snapshot::join(&session, &self.work.snapshot).await?;
        // At once and not with each table's first part: a session that wants to alter a table
        // waits for the first session's lock, and whoever comes later queues behind it.
        for lock in self.work.plans.iter().filter_map(|plan| plan.lock.as_ref()) {
            session.lock(lock).await?;
        }
        Ok(session)
    }
}
