//! Connects: the servers in their order, until one takes us.
//!
//! In: a [`Database`]. Out: a [`Connection`], or why the last server did not answer. As in
//! libpq a server that cannot be reached, is not ready or is of the wrong kind is passed over;
//! one that refuses us or cannot be trusted ends the search.

use std::error::Error as _;
use std::io;

use tokio::task::JoinSet;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

use super::super::error::ExportError;
use super::intake::{CopyRows, Intake};
use super::target::{SessionKind, Target};
use super::{ConnectionError, Database};

/// A connection to a database; it ends when this is dropped, also in the middle of a query.
#[derive(Debug)]
pub struct Connection {
    /// The driver's client.
    pub client: Client,
    intake: Intake,
    /// The task that moves the bytes; it is aborted when the connection is dropped, else it
    /// would read a COPY that nobody wants to its end.
    _mover: JoinSet<Result<(), Error>>,
}

/// Why a server did not take us.
enum Refusal {
    Driver(Error),
    /// Nothing within the time limit.
    Silent,
    /// It is not of the kind asked for.
    OtherKind,
    Setup(ConnectionError),
}

impl Database {
    /// Connects to the first server that takes us.
    ///
    /// # Errors
    /// Those of the last server tried: [`ExportError::Connection`], [`ExportError::Server`],
    /// [`ExportError::NoAnswer`], [`ExportError::OtherKind`], or [`ExportError::Setup`].
    pub async fn connect(&self) -> Result<Connection, ExportError> {
        let kinds: &[SessionKind] = match &self.0.kind {
            SessionKind::PreferStandby => &[SessionKind::Standby, SessionKind::Any],
            kind => std::slice::from_ref(kind),
        };
        let mut last = None;
        for kind in kinds {
            for target in &self.0.targets {
                let error = match self.try_target(target, *kind).await {
                    Ok(connection) => return Ok(connection),
                    Err(refusal) if refusal.ends_the_search() => {
                        return Err(self.refused(refusal));
                    }
                    Err(refusal) => self.refused(refusal),
                };
                if let Some(earlier) = last.replace((target, error)) {
                    pass_over(&earlier);
                }
            }
        }
        // There is always a target, and a kind.
        let error = last.map_or_else(|| self.refused(Refusal::OtherKind), |(_, error)| error);
        Err(error)
    }

    async fn try_target(&self, target: &Target, kind: SessionKind) -> Result<Connection, Refusal> {
        let attempt = async {
            let connection = self.open(target).await?;
            if is_of_kind(&connection.client, kind).await? {
                Ok(connection)
            } else {
                Err(Refusal::OtherKind)
            }
        };
        match self.0.timeout {
            Some(limit) => tokio::time::timeout(limit, attempt)
                .await
                .unwrap_or(Err(Refusal::Silent)),
            None => attempt.await,
        }
    }

    async fn open(&self, target: &Target) -> Result<Connection, Refusal> {
        let mut mover = JoinSet::new();
        let mut intake = Intake::default();
        let mut config = target.config.clone();
        let client = if target.with_tls {
            let connector = self.0.tls.connector().map_err(Refusal::Setup)?;
            let (client, connection) = config.connect(intake.tap(connector)).await?;
            mover.spawn(connection);
            client
        } else if let Some(Host::Tcp(_)) = config.get_hosts().first() {
            // Not encrypted: what the driver takes for TLS is the intake's own stream.
            config.ssl_mode(SslMode::Require);
            config.ssl_negotiation(SslNegotiation::Direct);
            let (client, connection) = config.connect(intake.tap_plain()).await?;
            mover.spawn(connection);
            client
        } else {
            let (client, connection) = config.connect(NoTls).await?;
            mover.spawn(connection);
            client
        };
        Ok(Connection {
            client,
            intake,
            _mover: mover,
        })
    }
}

impl Connection {
    /// Starts a `COPY … TO STDOUT`; its rows come many at a time.
    pub(in crate::export) async fn copy_out(&self, sql: &str) -> Result<CopyRows, Error> {
        self.intake.copy_out(&self.client, sql).await
    }
}

impl Database {
    fn refused(&self, refusal: Refusal) -> ExportError {
        match refusal {
            Refusal::Driver(source) => ExportError::postgres("connect to", self, source),
            Refusal::Setup(error) => ExportError::Setup(error),
            Refusal::OtherKind => ExportError::OtherKind {
                database: self.to_string(),
            },
            Refusal::Silent => ExportError::NoAnswer {
                database: self.to_string(),
                seconds: self.0.timeout.map_or(0, |limit| limit.as_secs()),
            },
        }
    }
}

fn pass_over((target, error): &(&Target, ExportError)) {
    let cause = error.source().map(|cause| match cause.source() {
        Some(deeper) => deeper.to_string(),
        None => cause.to_string(),
    });
    let cause = cause.unwrap_or_else(|| error.to_string());
    tracing::warn!(server = target.shown, cause, "server passed over");
}

/// Whether the session can do what is asked of it.
async fn is_of_kind(client: &Client, kind: SessionKind) -> Result<bool, Refusal> {
    if kind == SessionKind::Any {
        return Ok(true);
    }
    let sql = "select pg_catalog.pg_is_in_recovery(), \
               pg_catalog.current_setting('transaction_read_only')";
    let messages = client.simple_query(sql).await?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let says = |column, word| row.is_some_and(|row| row.get(column) == Some(word));
    let (is_standby, is_read_only) = (says(0, "t"), says(1, "on"));
    Ok(match kind {
        SessionKind::Any | SessionKind::PreferStandby => true,
        SessionKind::ReadWrite => !is_read_only,
        SessionKind::ReadOnly => is_read_only,
        SessionKind::Primary => !is_standby,
        SessionKind::Standby => is_standby,
    })
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl Refusal {
    fn ends_the_search(&self) -> bool {
        match self {
            Self::Silent | Self::OtherKind => false,
            Self::Setup(_) => true,
            Self::Driver(error) => match error.as_db_error() {
                Some(said) => *said.code() != SqlState::CANNOT_CONNECT_NOW,
                None => !error.is_closed() && io_cause(error).is_none(),
            },
        }
    }
}

/// The network's own failure, if that is what ended a connection; the text of a handshake is
/// none.
fn io_cause(error: &Error) -> Option<&io::Error> {
    let cause = error.source()?.downcast_ref::<io::Error>()?;
    tls_cause(error).is_none().then_some(cause)
}

/// What TLS had against the other side.
pub(in crate::export) fn tls_cause(error: &Error) -> Option<&rustls::Error> {
    let cause = error.source()?.downcast_ref::<io::Error>()?;
    cause.get_ref()?.downcast_ref::<rustls::Error>()
}

/// Whether a connection broke, or could not be made, in a way that passes by itself.
pub(in crate::export) fn is_lost(error: &Error) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset,
        HostUnreachable, NetworkDown, NetworkUnreachable, NotConnected, NotFound, TimedOut,
        UnexpectedEof,
    };
    // Not here: a name that does not resolve, a socket that we may not open, bytes that are no
    // Postgres. `NotFound` is the socket of a server that is down.
    let passes = |cause: &io::Error| {
        matches!(
            cause.kind(),
            AddrNotAvailable
                | BrokenPipe
                | ConnectionAborted
                | ConnectionRefused
                | ConnectionReset
                | HostUnreachable
                | NetworkDown
                | NetworkUnreachable
                | NotConnected
                | NotFound
                | TimedOut
                | UnexpectedEof
        )
    };
    error.is_closed() || io_cause(error).is_some_and(passes)
}
