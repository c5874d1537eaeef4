//! Which database, as whom, over what: connections as libpq's users know them.
//!
//! In: a URL or libpq's words, and the [`Surroundings`]: `PG*` variables, the user, the home
//! folder. Out: a [`Database`] that can be connected to and shown; it prints as
//! `user@host:port/name`, never with a password.
//!
//! A parameter comes from the URL, else the service, else a variable, else a default. `url`,
//! `service` and `pgpass` read the texts, `keywords` says which parameters there are, `target`
//! makes one server of each host, `tls` verifies, `connect` tries the servers in order.

mod connect;
mod error;
mod intake;
mod keywords;
mod pgpass;
mod private_file;
mod service;
mod target;
mod tls;
mod url;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

pub use connect::Connection;
pub(super) use connect::{is_lost, tls_cause};
pub use error::ConnectionError;
pub(super) use intake::CopyRows;
use keywords::{Origin, Parameters};
use target::{Server, SessionKind, Target};
use tls::Tls;

/// How long a server may take until it is ready for queries, unless the parameters say so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a URL came from; the arguments of a process are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlSource {
    /// An argument of the command line.
    Argument,
    /// The environment or a settings file.
    Settings,
}

/// What libpq reads beside the URL.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The `PG*` variables by name.
    pub variables: BTreeMap<String, String>,
    /// The user's home folder, which holds `.pgpass` and `.pg_service.conf`.
    pub home: Option<PathBuf>,
    /// The user's name on this machine.
    pub user: Option<String>,
    /// A file that holds nothing but the password.
    pub password_file: Option<PathBuf>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A variable may be a password.
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys())
            .field("home", &self.home)
            .field("user", &self.user)
            .field("password_file", &self.password_file)
            .finish()
    }
}

impl Surroundings {
    #[cfg(test)]
    fn new(variables: &[(&str, &str)]) -> Self {
        Self {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Whether the variables alone say which database is meant; a user or a password do not.
    fn name_a_database(&self) -> bool {
        ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"]
            .iter()
            .any(|name| self.variable(name).is_some())
    }
}

/// A database to export from or to load into.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    targets: Vec<Target>,
    kind: SessionKind,
    timeout: Option<Duration>,
    tls: Tls,
    /// What is shown: user, hosts, database.
    shown: String,
    with_tls: bool,
}

impl Database {
    /// Puts a database together: the URL's parameters, then the service's, then the
    /// variables', then defaults. Without a URL a variable has to say which is meant.
    ///
    /// The URL is `postgres://…` or words such as `host=db user=anna` or `service=crm`.
    ///
    /// # Errors
    /// [`ConnectionError`]; none repeats the URL, and none a password.
    pub fn resolve(
        url: Option<(&str, UrlSource)>,
        around: &Surroundings,
    ) -> Result<Self, ConnectionError> {
        let mut parameters = Parameters::default();
        match url {
            Some((text, source)) => {
                let pairs = url::parse(text).map_err(|reason| ConnectionError::Url { reason })?;
                let is_secret = |(name, _): &(String, String)| {
                    matches!(name.as_str(), "password" | "sslpassword")
                };
                if source == UrlSource::Argument && pairs.iter().any(is_secret) {
                    return Err(ConnectionError::PublicPassword);
                }
                for (name, value) in pairs {
                    parameters.give(&name, value, Origin::Url)?;
                }
            }
            None if around.name_a_database() => {}
            None => return Err(ConnectionError::NoDatabase),
        }
        let service = parameters
            .get("service")
            .or_else(|| around.variable("PGSERVICE"))
            .map(str::to_owned);
        if let Some(service) = service {
            let (pairs, file) = service::read(&service, around)?;
            let file = file.display().to_string();
            for (name, value) in pairs {
                parameters.give(&name, value, Origin::Service(file.clone()))?;
            }
        }
        parameters.give_variables(around)?;
        Self::try_new(&parameters, around)
    }

    /// A database by its URL alone, and a password for it unless the URL has one.
    ///
    /// # Errors
    /// [`ConnectionError`], as of [`Database::resolve`].
    pub fn parse(
        url: &str,
        source: UrlSource,
        password: Option<&str>,
    ) -> Result<Self, ConnectionError> {
        let password = password.map(|password| ("PGPASSWORD".to_owned(), password.to_owned()));
        let around = Surroundings {
            variables: password.into_iter().collect(),
            ..Surroundings::default()
        };
        Self::resolve(Some((url, source)), &around)
    }

    fn try_new(parameters: &Parameters, around: &Surroundings) -> Result<Self, ConnectionError> {
        target::refuse_unsupported(parameters)?;
        let tls = Tls::try_new(parameters, around)?;
        let servers = Server::all(parameters)?;
        let base = target::base(parameters, around)?;
        let passwords = target::Passwords::read(parameters, around)?;
        let targets: Vec<Target> = servers
            .into_iter()
            .map(|server| Target::new(server, &base, &tls, &passwords))
            .collect();
        let timeout = match parameters.number("connect_timeout")? {
            None => Some(CONNECT_TIMEOUT),
            Some(seconds) => u64::try_from(seconds)
                .ok()
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        };
        Ok(Self(Arc::new(Inner {
            kind: SessionKind::read(parameters)?,
            timeout,
            shown: shown(&base, &targets),
            with_tls: targets.iter().any(|target| target.with_tls),
            targets,
            tls,
        })))
    }

    /// Whether a connection may be encrypted; with several hosts, to one of them.
    pub fn with_tls(&self) -> bool {
        self.0.with_tls
    }
}

fn shown(base: &Config, targets: &[Target]) -> String {
    let hosts: Vec<&str> = targets.iter().map(|target| target.shown.as_str()).collect();
    let user = base.get_user().map(|user| format!("{user}@"));
    let database = base.get_dbname().map(|name| format!("/{name}"));
    format!(
        "{}{}{}",
        user.unwrap_or_default(),
        hosts.join(","),
        database.unwrap_or_default()
    )
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

#[cfg(test)]
mod tests;
