//! Which database, as whom, with or without TLS.
//!
//! In: a `postgres://` URL and where it came from. Out: a [`Database`] that can be
//! connected to and shown: it prints as `user@host:port/name`, never with a password.

use std::fmt;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::error::ExportError;

/// Where a URL came from; the arguments of a process are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlSource {
    /// An argument of the command line.
    Argument,
    /// The environment or a settings file.
    Settings,
}

/// A database to export from.
#[derive(Clone)]
pub struct Database {
    config: Config,
    with_tls: bool,
}

impl Database {
    /// Reads a URL; `password` is one that came by another way and wins over the URL's.
    ///
    /// `sslmode` may be `disable` (no TLS), `require`, `verify-ca` or `verify-full` (all
    /// three: TLS with the certificate and the host name verified), or `prefer`, `allow` or
    /// absent: no TLS on this machine, verified TLS elsewhere. TLS does not apply to sockets.
    ///
    /// # Errors
    /// [`ExportError::Url`] for text that is no such URL, [`ExportError::PublicPassword`] for
    /// a password in an argument. Neither repeats the text.
    pub fn parse(
        url: &str,
        source: UrlSource,
        password: Option<&str>,
    ) -> Result<Self, ExportError> {
        let refuse = |reason| ExportError::Url { reason };
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refuse("it does not begin with `postgres://`"));
        }
        // A second `@` is most likely a password's; what follows the first would then be
        // taken, and shown, as the host.
        if url.matches('@').count() > 1 {
            return Err(refuse(
                "it has more than one `@`; one in a password is written `%40`",
            ));
        }
        let (url, ssl_mode) = take_ssl_mode(url);
        // The parser's own error may quote what it did not understand, a password included.
        let mut config: Config = url
            .parse()
            .map_err(|_| refuse("its parts cannot be told apart"))?;
        if source == UrlSource::Argument && config.get_password().is_some() {
            return Err(ExportError::PublicPassword);
        }
        if config.get_hosts().is_empty() {
            return Err(refuse("it names no host"));
        }
        let is_wanted = match ssl_mode.as_deref() {
            None | Some("prefer" | "allow") => !is_local(&config),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(refuse("its `sslmode` is none that is known")),
        };
        let with_tls = is_wanted && !is_socket(&config);
        config.ssl_mode(if with_tls {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        if let Some(password) = password {
            config.password(password);
        }
        Ok(Self { config, with_tls })
    }

    /// What the driver connects by.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether the connection is encrypted and the server verified.
    pub fn with_tls(&self) -> bool {
        self.with_tls
    }
}

/// The URL without its `sslmode`, and the mode: the driver does not know all of them.
fn take_ssl_mode(url: &str) -> (String, Option<String>) {
    let credentials = url.find('@').unwrap_or_default();
    let Some(question) = url[credentials..]
        .find('?')
        .map(|found| credentials + found)
    else {
        return (url.to_owned(), None);
    };
    let (address, query) = (&url[..question], &url[question + 1..]);
    let (modes, rest): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|parameter| parameter.starts_with("sslmode="));
    let mode = modes
        .last()
        .and_then(|mode| mode.strip_prefix("sslmode="))
        .map(str::to_owned);
    let rest = rest.join("&");
    let url = if rest.is_empty() {
        address.to_owned()
    } else {
        format!("{address}?{rest}")
    };
    (url, mode)
}

fn is_socket(config: &Config) -> bool {
    config
        .get_hosts()
        .iter()
        .all(|host| matches!(host, Host::Unix(_)))
}

/// Whether every address is of this machine; `localhost` is trusted to be so.
fn is_local(config: &Config) -> bool {
    if !config.get_hostaddrs().is_empty() {
        return config
            .get_hostaddrs()
            .iter()
            .all(std::net::IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    })
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) if name.contains(':') => write!(f, "{comma}[{name}]")?,
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            write!(
                f,
                ":{}",
                ports.get(index).or_else(|| ports.first()).unwrap_or(&5432)
            )?;
        }
        match self.config.get_dbname() {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Database, ExportError> {
        Database::parse(url, UrlSource::Settings, None)
    }

    #[test]
    fn a_database_prints_without_its_password() {
        let database = parse("postgres://anna:s3cret@db.example:5433/crm?sslmode=require").unwrap();
        assert_eq!(database.to_string(), "anna@db.example:5433/crm");
        assert_eq!(
            format!("{database:?}"),
            "Database(anna@db.example:5433/crm)"
        );
        let socket = parse("postgresql:///crm?host=/run/postgresql&user=anna").unwrap();
        assert_eq!(socket.to_string(), "anna@/run/postgresql:5432/crm");
    }

    #[test]
    fn a_password_among_the_arguments_is_refused_and_not_repeated() {
        for url in [
            "postgres://anna:s3cret@db/crm",
            "postgres://anna@db/crm?password=s3cret",
        ] {
            let error = Database::parse(url, UrlSource::Argument, None).unwrap_err();
            assert!(matches!(error, ExportError::PublicPassword));
            assert!(!error.to_string().contains("s3cret"));
        }
        assert!(Database::parse("postgres://anna@db/crm", UrlSource::Argument, Some("x")).is_ok());
    }

    #[test]
    fn no_error_repeats_what_may_be_a_password() {
        let urls = [
            "s3cret",
            "postgres://anna:s3cret@s3cret@db/crm",
            "postgres://anna:x@db/crm?s3cret=1",
            "postgres://anna:x@db/crm?sslmode=s3cret",
            "postgres://anna:x@db:s3cret/crm",
            "postgres:///s3cret",
        ];
        for url in urls {
            let error = parse(url).unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("s3cret"),
                "{url}: {error:?}"
            );
        }
    }

    #[test]
    fn tls_is_the_default_away_from_this_machine() {
        let cases = [
            ("postgres://a@localhost/x", false),
            ("postgres://a@127.0.0.1/x", false),
            ("postgres://a@[::1]/x?sslmode=prefer", false),
            ("postgres://a@%2Frun%2Fpostgresql/x?sslmode=require", false),
            ("postgres://a@localhost/x?sslmode=verify-full", true),
            ("postgres://a@db.example/x", true),
            (
                "postgres://a@db.example/x?sslmode=prefer&application_name=y",
                true,
            ),
            (
                "postgres://a@db.example/x?application_name=y&sslmode=disable",
                false,
            ),
            ("postgres://a@localhost,db.example/x", true),
            ("postgres://a@localhost/x?hostaddr=192.0.2.1", true),
        ];
        for (url, with_tls) in cases {
            assert_eq!(parse(url).unwrap().with_tls(), with_tls, "{url}");
        }
    }
}
