//! What the user can do about an export that failed.

use tokio_postgres::error::SqlState;

use super::connection::tls_cause;
use super::error::ExportError;
use super::value::ValueProblem;

impl ExportError {
    /// The remedy, where there is an obvious one.
    pub(super) fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::Setup(error) => return error.hint(),
            Self::Increment(error) => return error.hint(),
            Self::NoAnswer { .. } => {
                "`connect_timeout` in the URL or `PGCONNECT_TIMEOUT` sets the limit"
            }
            Self::NoTables => "name tables as `schema.table`",
            Self::SnapshotGone => "`touchpath export --resume` goes on with what was read",
            Self::ColumnTwice { .. } => {
                "give each column a name of its own: `select a as first, b as second`"
            }
            Self::OtherSelection { .. } => "give the same again; the lake keeps only its checksum",
            Self::NotExported { .. } => "name the table too",
            Self::TypeRefused { remedy, .. } => remedy,
            Self::DeclarationRefused { .. } => {
                "`numeric(p,s)` is for `numeric` and arrays of it, `[][]` for arrays, `text` for any type"
            }
            Self::ContactType { table, column, .. } => {
                return Some(format!(
                    "declare it as text in the settings' `columns`: \"{table}.{column}\" = \"text\", \
                     or leave contacts out with `--contacts drop`"
                ));
            }
            Self::Value {
                table,
                column,
                problem,
                ..
            } => return Some(value_hint(table, column, problem)),
            Self::TableMissing { nearest, .. }
            | Self::ColumnMissing { nearest, .. }
            | Self::ContactColumnMissing { nearest, .. }
            | Self::DeclaredColumnMissing { nearest, .. } => {
                return nearest
                    .as_ref()
                    .map(|nearest| format!("did you mean `{nearest}`?"));
            }
            Self::Connection {
                source, with_tls, ..
            } => return connection_hint(source, *with_tls),
            Self::Server { source, .. } | Self::Locked { source, .. } => server_hint(&source.code)?,
            Self::Overtaken { .. } => {
                "the lake shows the other export; one export at a time is enough"
            }
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

fn value_hint(table: &str, column: &str, problem: &ValueProblem) -> String {
    let declare = |form: &str| {
        format!(
            "declare it in the settings file, below `[columns]`: `\"{table}.{column}\" = \"{form}\"`"
        )
    };
    match problem {
        ValueProblem::NotANumber | ValueProblem::Infinite => format!(
            "{}; or make such values null and have them counted: `not_finite = \"null\"`",
            declare("text")
        ),
        ValueProblem::Dimensions { found, .. } if (1..=6).contains(found) => format!(
            "{}, if all rows have as many, else `\"text\"`",
            declare(&"[]".repeat(*found))
        ),
        ValueProblem::NotUtf8 | ValueProblem::Malformed(_) | ValueProblem::TooWide => {
            "correct the row, or export a view that leaves it out".to_owned()
        }
        _ => declare("text"),
    }
}

fn connection_hint(source: &tokio_postgres::Error, with_tls: bool) -> Option<String> {
    use rustls::CertificateError as Certificate;
    use std::error::Error;

    let cause = source.source()?;
    if cause.to_string() == "password missing" {
        return server_hint(SqlState::INVALID_PASSWORD.code()).map(str::to_owned);
    }
    let hint = match tls_cause(source) {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "connect by a name that the server's certificate bears; \
                 `sslmode=verify-ca` does without the name"
            }
            Certificate::UnknownIssuer => {
                "name the certificate that signed the server's with `sslrootcert=FILE`; \
                 `sslmode=require` encrypts without verifying"
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "the server needs a new certificate; `sslmode=require` encrypts without verifying"
            }
            _ => "`sslmode=require` encrypts without verifying",
        },
        // Failures to reach the host are plain I/O errors; a server without TLS is none.
        None if with_tls && cause.downcast_ref::<std::io::Error>().is_none() => {
            "away from this machine TLS is required; `sslmode=disable` does without encryption"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn server_hint(code: &str) -> Option<&'static str> {
    if code == SqlState::INVALID_PASSWORD.code()
        || code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION.code()
    {
        Some("give the password by `PGPASSWORD`, `~/.pgpass` or the settings' `password_file`")
    } else if code == SqlState::LOCK_NOT_AVAILABLE.code() {
        Some("another session is altering one of the tables: try again when it is done")
    } else if code == SqlState::INSUFFICIENT_PRIVILEGE.code() {
        Some("the role needs `usage` on the schema and `select` on the table")
    } else {
        None
    }
}
