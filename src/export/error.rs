//! What can go wrong in an export, and what the user can do about it.

use tokio_postgres::error::SqlState;

use super::connection::{ConnectionError, is_lost};
use super::decode::StreamProblem;
use super::increment::IncrementError;
use super::value::ValueProblem;
use crate::error::{Exit, Failure};
use crate::lake::exports::ExportsError;
use crate::storage::StorageError;

/// Why an export did not happen; none of the texts holds a password or a row's values.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The connection cannot be tried.
    #[error(transparent)]
    Setup(#[from] ConnectionError),
    /// Nothing to export.
    #[error("no table is named")]
    NoTables,
    /// A table's name that is not `schema.table`, or that cannot be a folder's.
    #[error("`{table}` is not a table's name: {reason}")]
    TableName {
        /// What the user gave.
        table: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database has no such table.
    #[error("`{database}` has no table `{table}`")]
    TableMissing {
        /// The database.
        database: String,
        /// `schema.name`.
        table: String,
        /// A table that the database has.
        nearest: Option<String>,
    },
    /// The database's table lacks a column that a run needs.
    #[error("`{table}` has no column `{column}`, which a run needs; it has {present}")]
    ColumnMissing {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// The table's columns.
        present: String,
        /// A column that the table has.
        nearest: Option<String>,
    },
    /// A column that may not leave the database.
    #[error("`{table}.{column}` may not be exported: it is not among the columns that a run reads")]
    ColumnNotAllowed {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
    },
    /// Two columns of one name.
    #[error("`{table}` has two columns `{column}`")]
    ColumnTwice {
        /// `schema.name`.
        table: String,
        /// The name.
        column: String,
    },
    /// A query that bears the name of a table or of another query.
    #[error("`{table}` is named twice")]
    NamedTwice {
        /// `schema.name`.
        table: String,
    },
    /// A condition or a list of columns for a table that is not exported.
    #[error("`{table}` has a condition or a list of columns and is not exported")]
    NotExported {
        /// `schema.name`.
        table: String,
    },
    /// The lake has no export of a table.
    #[error("the lake has no export of `{table}`")]
    NeverExported {
        /// `schema.name`.
        table: String,
    },
    /// A table was exported under another condition or query.
    #[error("`{table}` was exported with another `--where` or `--query`")]
    OtherSelection {
        /// `schema.name`.
        table: String,
    },
    /// Another session keeps a table to itself.
    #[error("another session keeps `{table}` locked")]
    Locked {
        /// `schema.name`.
        table: String,
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// A later export of a table has finished before this one.
    #[error("`{table}` was meanwhile written by the export {export}, which began later")]
    Overtaken {
        /// `schema.name`.
        table: String,
        /// The other export.
        export: String,
    },
    /// A table was truncated or rewritten between the snapshot and its lock.
    #[error("`{table}` was emptied or rewritten while the export began; run it again")]
    Replaced {
        /// `schema.name`.
        table: String,
    },
    /// The keeper of a snapshot was not told what to do.
    #[error("the keeper of a snapshot was given no order; `touchpath export` starts it")]
    Keeper {
        /// What was read instead.
        #[source]
        source: std::io::Error,
    },
    /// Nobody keeps the snapshot any more.
    #[error("the snapshot of this export is no longer to be had")]
    SnapshotGone,
    /// A worker's task was lost.
    #[error("a worker of the export was lost")]
    Worker {
        /// The runtime's own error.
        #[source]
        source: tokio::task::JoinError,
    },
    /// The settings name a contact column that the table has not.
    #[error("`{table}` has no column `{column}`, which `contact_columns` names")]
    ContactColumnMissing {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// A column that the table has.
        nearest: Option<String>,
    },
    /// Only text is hashed.
    #[error("`{table}.{column}` holds contacts and cannot be hashed: its type is `{postgres}`")]
    ContactType {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// The type, as Postgres spells it.
        postgres: String,
    },
    /// A table without a column.
    #[error("`{table}` has no column to export")]
    NoColumns {
        /// `schema.name`.
        table: String,
    },
    /// A column's type has no exact form.
    #[error("`{table}.{column}` cannot be exported exactly: its type is `{postgres}`")]
    TypeRefused {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// The type, as Postgres spells it.
        postgres: String,
        /// What to do.
        remedy: String,
    },
    /// The settings declare a column that is not exported.
    #[error("the settings declare a form for `{table}.{column}`, which is not exported")]
    DeclaredColumnMissing {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// A column that is exported.
        nearest: Option<String>,
    },
    /// A declaration that does not go with the column's type.
    #[error(
        "`{table}.{column}` cannot have the form that the settings declare: its type is `{postgres}`"
    )]
    DeclarationRefused {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// The type, as Postgres spells it.
        postgres: String,
    },
    /// A value has no exact form.
    #[error("`{table}.{column}`, row {row}{}: {problem}", key.as_deref().unwrap_or_default())]
    Value {
        /// `schema.name`.
        table: String,
        /// The column.
        column: String,
        /// Which row, from 1, in the order in which the part was read.
        row: u64,
        /// Its key, as ` (id 7)`, where the key says nothing of a person.
        key: Option<String>,
        /// Why not.
        problem: ValueProblem,
    },
    /// The server's bytes are not those of a table.
    #[error("`{table}`, row {row}: {problem}")]
    Stream {
        /// `schema.name`.
        table: String,
        /// Which row, from 1, in the order of the export.
        row: u64,
        /// Why not.
        problem: StreamProblem,
    },
    /// A server took the connection and said nothing.
    #[error("cannot connect to `{database}`: no answer within {seconds} s")]
    NoAnswer {
        /// The database.
        database: String,
        /// The time limit.
        seconds: u64,
    },
    /// No server is what `target_session_attrs` asks for.
    #[error("cannot connect to `{database}`: no server is what `target_session_attrs` asks for")]
    OtherKind {
        /// The database.
        database: String,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("cannot {action} `{database}`")]
    Connection {
        /// `connect to`, `read from`.
        action: &'static str,
        /// The database.
        database: String,
        /// Whether the connection was to be encrypted.
        with_tls: bool,
        /// The driver's own error.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server answered with an error.
    #[error("cannot {action} `{database}`")]
    Server {
        /// `connect to`, `read from`.
        action: &'static str,
        /// The database.
        database: String,
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// A table cannot be exported in increments.
    #[error(transparent)]
    Increment(#[from] IncrementError),
    /// The lake cannot be written or listed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ExportsError),
    /// Decoded columns do not make up a record batch.
    #[error("`{table}`: the decoded columns do not fit together")]
    Batch {
        /// `schema.name`.
        table: String,
        /// The kernel's own error.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// The workers came to an end before all parts were written.
    #[error("`{table}`: {parts} parts were not written; run the same command with --resume")]
    NotWritten {
        /// `schema.name`.
        table: String,
        /// How many are missing.
        parts: usize,
    },
    /// There is no task that encodes.
    #[error("`{table}`: nobody encodes")]
    NoEncoder {
        /// `schema.name`.
        table: String,
    },
    /// The task that encodes was lost.
    #[error("`{table}`: the encoding task was lost")]
    Encoder {
        /// `schema.name`.
        table: String,
        /// The runtime's own error.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// A server's error without its detail, which may quote a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (SQLSTATE {code})")]
pub struct ServerError {
    /// The five characters of the error's class.
    pub code: String,
    /// The first line of the error.
    pub message: String,
}

impl ExportError {
    /// A failure of the driver: the server's own words, or those of the connection.
    pub(super) fn postgres(
        action: &'static str,
        database: &super::Database,
        source: tokio_postgres::Error,
    ) -> Self {
        match source.as_db_error() {
            Some(error) => Self::Server {
                action,
                database: database.to_string(),
                source: ServerError {
                    code: error.code().code().to_owned(),
                    message: error.message().to_owned(),
                },
            },
            None => Self::Connection {
                action,
                database: database.to_string(),
                with_tls: database.with_tls(),
                source,
            },
        }
    }

    /// The same, naming the table, if it is a lock that did not come in time.
    pub(super) fn while_waiting_for(self, table: &str) -> Self {
        match self {
            Self::Server { source, .. } if source.code == SqlState::LOCK_NOT_AVAILABLE.code() => {
                Self::Locked {
                    table: table.to_owned(),
                    source,
                }
            }
            error => error,
        }
    }

    /// Whether the connection was lost, or could not be made, in a way that a later try may
    /// find mended: the network, a server that is going down or coming up, a pooler's server.
    ///
    /// A refusal, a name that does not resolve and a server that cannot be trusted stay.
    pub fn is_connection_lost(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Connection { source, .. } => is_lost(source),
            Self::Server { action, source, .. } => match source.code.as_str() {
                // Shut down by an administrator, crashed, not ready yet.
                "57P01" | "57P02" | "57P03" => true,
                // A pooler's word for most that goes wrong; while connecting, mostly a refusal.
                "08P01" => *action != "connect to",
                // Refused by the server's own rules.
                "08004" => false,
                code => code.starts_with("08"),
            },
            _ => false,
        }
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Setup(error) => error.exit(),
            Self::Increment(error) => error.exit(),
            Self::NoTables
            | Self::TableName { .. }
            | Self::TableMissing { .. }
            | Self::ColumnMissing { .. }
            | Self::ContactColumnMissing { .. }
            | Self::ContactType { .. }
            | Self::NoColumns { .. }
            | Self::ColumnNotAllowed { .. }
            | Self::ColumnTwice { .. }
            | Self::NamedTwice { .. }
            | Self::NotExported { .. }
            | Self::NeverExported { .. }
            | Self::OtherSelection { .. }
            | Self::Keeper { .. }
            | Self::TypeRefused { .. }
            | Self::DeclaredColumnMissing { .. }
            | Self::DeclarationRefused { .. }
            | Self::Value { .. } => Exit::Usage,
            Self::Stream { .. }
            | Self::NoAnswer { .. }
            | Self::OtherKind { .. }
            | Self::Connection { .. }
            | Self::Server { .. }
            | Self::Storage(_)
            | Self::Manifest(_)
            | Self::SnapshotGone
            | Self::Locked { .. }
            | Self::Overtaken { .. }
            | Self::Replaced { .. }
            | Self::Worker { .. }
            | Self::Batch { .. }
            | Self::NoEncoder { .. }
            | Self::NotWritten { .. }
            | Self::Encoder { .. } => Exit::Store,
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let failure = Self::new(error.exit(), &error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
