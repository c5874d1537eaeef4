//! The one snapshot that every connection of an export reads.
//!
//! In: a session and the tables to keep as they are. Out: a [`Snapshot`] that other sessions
//! join as long as the first one stands. Its transaction locks the tables against changes of
//! their form, not of their rows.

use serde::{Deserialize, Serialize};
use tokio_postgres::types::Type;

use super::error::ExportError;
use super::relation::Lock;
use super::session::Session;

/// Starts every reading transaction.
const BEGIN: &str = "begin isolation level repeatable read, read only";

/// A table that this transaction has locked and whose file is no longer the one that its
/// snapshot knows: functions of the catalog see what holds now, queries what held then. The
/// catalog's own tables have no file number here.
const REPLACED: &str = "\
    select n.nspname || '.' || c.relname \
    from pg_locks l \
    join pg_class c on c.oid = l.relation \
    join pg_namespace n on n.oid = c.relnamespace \
    where l.pid = pg_backend_pid() and l.locktype = 'relation' \
      and c.relfilenode <> 0 and c.relfilenode <> pg_relation_filenode(c.oid) \
    order by 1";

/// A snapshot that a transaction of the server offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// What `set transaction snapshot` takes.
    pub(super) id: String,
    /// Which transactions it sees: `xmin:xmax:running transactions`.
    pub(super) text: String,
    /// The server process that keeps it.
    pub(super) backend: i32,
}

/// Begins a transaction whose first query takes a snapshot.
pub(super) async fn begin(session: &Session) -> Result<(), ExportError> {
    session.execute(BEGIN).await
}

/// Locks the tables and offers the transaction's snapshot to others.
///
/// The locks come before the snapshot, as Postgres advises: a table altered or truncated
/// between the two would be read in a form that the plan does not know. Where only the planning
/// of a query can lock, the snapshot comes first, and a table truncated between the two would
/// be read as empty: that is refused.
pub(super) async fn offer(session: &Session, locks: &[Lock]) -> Result<Snapshot, ExportError> {
    for lock in locks {
        session.lock(lock).await?;
    }
    let id = session.value("select pg_export_snapshot()").await?;
    let replaced: Vec<String> = session.column(REPLACED, &[]).await?;
    if let Some(table) = replaced.into_iter().next() {
        return Err(ExportError::Replaced { table });
    }
    // The transaction that offers the snapshot has nothing to do until the end.
    session
        .execute("set idle_in_transaction_session_timeout = 0")
        .await?;
    Ok(Snapshot {
        id,
        text: session
            .value("select txid_current_snapshot()::text")
            .await?,
        backend: session.value("select pg_backend_pid()").await?,
    })
}

/// Begins a transaction that sees the snapshot.
pub(super) async fn join(session: &Session, snapshot: &Snapshot) -> Result<(), ExportError> {
    session.execute(BEGIN).await?;
    // An offered snapshot's name is hexadecimal digits and hyphens; anything else, from a
    // file that was tampered with, must not become SQL.
    let is_name = snapshot
        .id
        .bytes()
        .all(|letter| letter.is_ascii_hexdigit() || letter == b'-');
    let joined = if is_name {
        session
            .execute(&format!("set transaction snapshot '{}'", snapshot.id))
            .await
    } else {
        Err(ExportError::SnapshotGone)
    };
    match joined {
        Ok(()) => Ok(()),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(_) => {
            session.execute("rollback").await?;
            Err(ExportError::SnapshotGone)
        }
    }
}

/// Ends the server process that offers a snapshot which nobody needs any more.
pub(super) async fn release(session: &Session, snapshot: &Snapshot) -> Result<(), ExportError> {
    let sql = "select pg_terminate_backend($1) from pg_stat_activity \
               where pid = $1 and application_name like 'touchpath%' and usename = current_user";
    session
        .query(sql, &[(&snapshot.backend, Type::INT4)])
        .await?;
    Ok(())
}
