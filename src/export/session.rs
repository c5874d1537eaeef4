//! A connection to Postgres, and the one transaction in which everything is read.
//!
//! In: a [`Database`]. Out: a [`Session`] whose queries all see one snapshot. The
//! connection ends with the session, also in the middle of a COPY.

use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Row, Statement};

use super::connection::{Connection, CopyRows, Database};
use super::error::ExportError;
use super::relation::Lock;
use super::types;

/// What holds for the session. It waits briefly for locks, because others queue behind a
/// waiting lock; a server is not left holding our snapshot when we hang; names resolve to the
/// catalog's alone. Rows come as they lie in the table, which scans that join one another or
/// run in parallel would not keep to; where they must be sorted, a part fits into memory.
const SETTINGS: &str = "\
    set default_transaction_read_only = on; \
    set lock_timeout = '10s'; \
    set idle_in_transaction_session_timeout = '10min'; \
    set search_path = pg_catalog; \
    set work_mem = '64MB'; \
    set synchronize_seqscans = off; \
    set max_parallel_workers_per_gather = 0";

/// A live connection.
pub(super) struct Session {
    connection: Connection,
    database: Database,
}

impl Session {
    /// Connects and sets the session's limits.
    pub(super) async fn connect(database: &Database) -> Result<Self, ExportError> {
        let connection = database.connect().await?;
        for settings in [SETTINGS, types::SESSION] {
            connection
                .client
                .batch_execute(settings)
                .await
                .map_err(|source| ExportError::postgres("connect to", database, source))?;
        }
        Ok(Self {
            connection,
            database: database.clone(),
        })
    }

    /// The database, for messages.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Runs statements that return nothing.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), ExportError> {
        self.connection
            .client
            .batch_execute(sql)
            .await
            .map_err(|source| self.failure(source))
    }

    /// Locks a table until the transaction ends.
    pub(super) async fn lock(&self, lock: &Lock) -> Result<(), ExportError> {
        let locked = self.execute(&lock.sql).await;
        locked.map_err(|error| error.while_waiting_for(&lock.table))
    }

    /// Runs a query.
    pub(super) async fn query(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, ExportError> {
        self.connection
            .client
            .query_typed(sql, parameters)
            .await
            .map_err(|source| self.failure(source))
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.client.is_closed()
    }

    /// Sets after how long the server gives a statement up.
    pub(super) async fn limit_statements(&self, minutes: u32) -> Result<(), ExportError> {
        self.execute(&format!("set statement_timeout = '{minutes}min'"))
            .await
    }

    /// Resolves names as the role is used to, for SQL that the user wrote.
    pub(super) async fn use_own_search_path(&self) -> Result<(), ExportError> {
        self.execute("reset search_path").await
    }

    /// Resolves names to the catalog's alone.
    pub(super) async fn use_catalog_search_path(&self) -> Result<(), ExportError> {
        self.execute("set search_path = pg_catalog").await
    }

    /// Runs a query of one column.
    pub(super) async fn column<T: for<'a> FromSql<'a>>(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<T>, ExportError> {
        let rows = self.query(sql, parameters).await?;
        rows.iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, tokio_postgres::Error>>()
            .map_err(|source| self.failure(source))
    }

    /// Runs a query of one row and one column.
    pub(super) async fn value<T: for<'a> FromSql<'a>>(&self, sql: &str) -> Result<T, ExportError> {
        let row = self.connection.client.query_typed_one(sql, &[]).await;
        row.and_then(|row| row.try_get(0))
            .map_err(|source| self.failure(source))
    }

    /// The columns that a query would give.
    pub(super) async fn describe(&self, sql: &str) -> Result<Statement, ExportError> {
        self.connection
            .client
            .prepare(sql)
            .await
            .map_err(|source| self.failure(source))
    }

    /// Starts a `COPY … TO STDOUT`.
    pub(super) async fn copy_out(&self, sql: &str) -> Result<CopyRows, ExportError> {
        self.connection
            .copy_out(sql)
            .await
            .map_err(|source| self.failure(source))
    }

    pub(super) fn failure(&self, source: tokio_postgres::Error) -> ExportError {
        ExportError::postgres("read from", &self.database, source)
    }
}
