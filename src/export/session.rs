//! A connection to Postgres, and the one transaction in which everything is read.
//!
//! In: a [`Database`]. Out: a [`Session`] whose queries all see one snapshot. The
//! connection ends with the session, also in the middle of a COPY.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CopyOutStream, Row};

use super::connection::{Connection, Database};
use super::error::ExportError;

/// What holds for the session. An export may run for hours, so no limit on statements; it
/// waits briefly for locks, because others queue behind a waiting lock; and a server is not
/// left holding our snapshot when we hang. Names resolve to the catalog's alone.
const SETTINGS: &str = "\
    set default_transaction_read_only = on; \
    set statement_timeout = 0; \
    set lock_timeout = '10s'; \
    set idle_in_transaction_session_timeout = '10min'; \
    set search_path = pg_catalog";

/// A live connection.
pub(super) struct Session {
    connection: Connection,
    database: Database,
}

impl Session {
    /// Connects and sets the session's limits.
    pub(super) async fn connect(database: &Database) -> Result<Self, ExportError> {
        let connection = database.connect().await?;
        connection
            .client
            .batch_execute(SETTINGS)
            .await
            .map_err(|source| ExportError::postgres("connect to", database, source))?;
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

    /// Runs a query of one row and one text column.
    pub(super) async fn query_text(&self, sql: &str) -> Result<String, ExportError> {
        let row = self.connection.client.query_typed_one(sql, &[]).await;
        row.and_then(|row| row.try_get(0))
            .map_err(|source| self.failure(source))
    }

    /// Starts a `COPY … TO STDOUT`.
    pub(super) async fn copy_out(&self, sql: &str) -> Result<CopyOutStream, ExportError> {
        self.connection
            .client
            .copy_out(sql)
            .await
            .map_err(|source| self.failure(source))
    }

    pub(super) fn failure(&self, source: tokio_postgres::Error) -> ExportError {
        ExportError::postgres("read from", &self.database, source)
    }
}
