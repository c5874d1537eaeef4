//! A connection to Postgres, and the one transaction in which everything is read.
//!
//! In: a [`Database`]. Out: a [`Session`] whose queries all see one snapshot. The
//! connection ends with the session, also in the middle of a COPY.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinSet;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, CopyOutStream, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::database::Database;
use super::error::ExportError;
use super::types;

/// How long a server may take to answer the first packet, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
    client: Client,
    database: Database,
    /// The task that moves the bytes; it is aborted when the session is dropped, else it
    /// would read a COPY that nobody wants to its end.
    _connection: JoinSet<Result<(), tokio_postgres::Error>>,
}

impl Session {
    /// Connects and sets the session's limits.
    pub(super) async fn connect(database: &Database) -> Result<Self, ExportError> {
        let failure = |source| ExportError::postgres("connect to", database, source);
        let mut config = database.config().clone();
        config.application_name(concat!("touchpath ", env!("CARGO_PKG_VERSION")));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let mut tasks = JoinSet::new();
        let client = if database.with_tls() {
            let (client, connection) = config.connect(tls(database)?).await.map_err(failure)?;
            tasks.spawn(connection);
            client
        } else {
            let (client, connection) = config.connect(NoTls).await.map_err(failure)?;
            tasks.spawn(connection);
            client
        };
        for settings in [SETTINGS, types::SESSION] {
            client.batch_execute(settings).await.map_err(failure)?;
        }
        Ok(Self {
            client,
            database: database.clone(),
            _connection: tasks,
        })
    }

    /// The database, for messages.
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Runs statements that return nothing.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), ExportError> {
        self.client
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
        self.client
            .query_typed(sql, parameters)
            .await
            .map_err(|source| self.failure(source))
    }

    /// Runs a query of one row and one text column.
    pub(super) async fn query_text(&self, sql: &str) -> Result<String, ExportError> {
        let row = self.client.query_typed_one(sql, &[]).await;
        row.and_then(|row| row.try_get(0))
            .map_err(|source| self.failure(source))
    }

    /// Starts a `COPY … TO STDOUT`.
    pub(super) async fn copy_out(&self, sql: &str) -> Result<CopyOutStream, ExportError> {
        self.client
            .copy_out(sql)
            .await
            .map_err(|source| self.failure(source))
    }

    pub(super) fn failure(&self, source: tokio_postgres::Error) -> ExportError {
        ExportError::postgres("read from", &self.database, source)
    }
}

/// TLS that verifies the server's certificate and name against the system's roots.
fn tls(database: &Database) -> Result<MakeRustlsConnect, ExportError> {
    let mut roots = RootCertStore::empty();
    // Single unreadable certificates are the system's affair; without any there is no trust.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(ExportError::NoRootCertificates {
            database: database.to_string(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
