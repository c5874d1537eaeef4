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
use super::part::{PartOutcome, PartRequest, copy_part};
use super::plan::TablePlan;
use super::publish;
use super::session::Session;
use super::snapshot::{self, Snapshot};
use super::types::NotFinite;
use crate::lake::exports::ExportedPart;
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
        failure = failure.or(outcome.and_then(|outcome| outcome).err());
    }
    failure.map_or(Ok(()), Err)
}

impl Shared {
    /// Takes part after part until there are no more.
    async fn read_parts(&self, events: &mpsc::Sender<Event>) -> Result<(), ExportError> {
        let mut session = None;
        while !self.has_failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = self.work.parts.get(number).copied() else {
                return Ok(());
            };
            let retries = ExponentialBuilder::default()
                .with_min_delay(FIRST_PAUSE)
                .with_max_times(RETRIES);
            let attempt = |mut session: Option<Session>| async move {
                let outcome = self.read_part(part, &mut session, events).await;
                (session, outcome)
            };
            let outcome;
            (session, outcome) = attempt
                .retry(retries)
                .sleep(tokio::time::sleep)
                .context(session)
                .when(|error| error.is_connection_lost() && !self.has_failed.load(Ordering::Relaxed))
                .notify(|error, pause| {
                    let table = &self.work.plans[part.table].table;
                    tracing::warn!(table, part = part.part, %error, ?pause, "connection lost, the part is read again");
                })
                .await;
            let table = &self.work.plans[part.table].table;
            let outcome = outcome.map_err(|error| error.while_waiting_for(table));
            let Some(exported) = outcome? else {
                return Ok(());
            };
            // The listener ends only after all workers.
            let _ = events.send(Event::Written { part, exported }).await;
        }
        Ok(())
    }

    /// Reads one part; `None` when another worker's failure has ended the work.
    async fn read_part(
        &self,
        id: PartId,
        session: &mut Option<Session>,
        events: &mpsc::Sender<Event>,
    ) -> Result<Option<ExportedPart>, ExportError> {
        let plan = &self.work.plans[id.table];
        let pages = plan.parts[id.part].as_ref();
        let path = plan.part_path(&self.work.journal.export, id.part);
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
                pages,
                lake: &self.work.lake,
                staged: &publish::staged_path(&path),
                sorted,
                not_finite: self.work.not_finite,
                goes_on: &goes_on,
            };
            let copied = copy_part(&connected, &request).await;
            match self.located(copied, id, sorted).await? {
                PartOutcome::Stopped => return Ok(None),
                PartOutcome::Unsorted => {
                    self.is_unsorted[id.table].store(true, Ordering::Relaxed);
                }
                PartOutcome::Written(summary, figures) => {
                    let part = ExportedPart {
                        path,
                        rows: summary.rows,
                        bytes: summary.bytes,
                        sha256: summary.sha256,
                        snapshot: self.work.snapshot.text.clone(),
                        pages: pages.cloned(),
                        key_range: figures.key_range,
                        not_finite: figures.not_finite,
                        forgotten: 0,
                        generation: plan.generation(),
                        content: crate::lake::exports::PartContent::Rows,
                    };
                    self.work.journal.note(&self.work.lake, id, &part).await?;
                    tracing::info!(
                        table = plan.table,
                        part = id.part,
                        rows = part.rows,
                        bytes = part.bytes,
                        "part read"
                    );
                    *session = Some(connected);
                    return Ok(Some(part));
                }
            }
        }
    }

    /// Adds the row's key to a failure that names a row.
    async fn located(
        &self,
        outcome: Result<PartOutcome, ExportError>,
        id: PartId,
        sorted: bool,
    ) -> Result<PartOutcome, ExportError> {
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
