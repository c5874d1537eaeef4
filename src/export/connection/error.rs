//! What can be wrong with the way to a database, before a packet is sent.

use std::path::PathBuf;

use crate::error::{Exit, Failure};

/// Why a connection cannot be tried; no text of these holds a password or the URL itself.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Neither a URL nor a variable names a database.
    #[error("no database is named")]
    NoDatabase,
    /// The text is no URL of a database.
    #[error("the database URL cannot be used: {reason}")]
    Url {
        /// What is wrong with it; never the text itself.
        reason: &'static str,
    },
    /// A parameter by a name that libpq does not have; the name is not repeated, because it may
    /// be a piece of a password with a `?` or `&` in it.
    #[error("{origin} has a parameter that libpq does not have")]
    UnknownParameter {
        /// The URL or a service.
        origin: String,
    },
    /// Arguments are public: `ps` shows them.
    #[error("the database URL on the command line holds a password")]
    PublicPassword,
    /// A parameter whose value cannot be used.
    #[error("{origin}: `{name}` cannot be used: {reason}")]
    Parameter {
        /// The URL, a service or a variable.
        origin: String,
        /// The parameter, as libpq calls it.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No service file has the service.
    #[error("there is no service of that name in {looked_in}")]
    ServiceMissing {
        /// The files looked into.
        looked_in: String,
    },
    /// A line of a service file that is none.
    #[error("`{}`, line {line}: {reason}", path.display())]
    ServiceSyntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it; never its text.
        reason: &'static str,
    },
    /// A file of passwords or keys that others may read.
    #[error("`{}` holds {what} and can be read by others than its owner", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// `passwords`, `a private key`.
        what: &'static str,
    },
    /// A file that cannot be read.
    #[error("cannot read {what} `{}`", path.display())]
    Unreadable {
        /// What is in it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file that does not hold what it should.
    #[error("`{}` holds no {what} that can be used", path.display())]
    NoPem {
        /// `certificate`, `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// No certificate to verify a server with.
    #[error("this machine has no root certificates to verify a server with")]
    NoRootCertificates,
    /// The TLS library refused certificates or key.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

impl ConnectionError {
    pub(in crate::export) fn exit(&self) -> Exit {
        match self {
            Self::NoRootCertificates | Self::Tls(_) => Exit::Store,
            _ => Exit::Usage,
        }
    }

    pub(in crate::export) fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::NoDatabase => {
                "give `--from postgres://user@host/database`, set `TOUCHPATH_FROM` or `PGHOST`"
            }
            Self::Url { .. } => "write it as `postgres://user@host:port/database`",
            Self::PublicPassword => {
                "arguments are public: leave it out and give it by `PGPASSWORD`, `~/.pgpass` or the settings' `password_file`"
            }
            Self::TooOpen { path, .. } => {
                return Some(format!("`chmod 600 {}`", path.display()));
            }
            Self::NoPem {
                what: "private key",
                ..
            } => "a key must be PEM and not encrypted",
            Self::NoRootCertificates => {
                "install the system's CA certificates, or name the server's with `sslrootcert`"
            }
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let failure = Self::new(error.exit(), &error);
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
