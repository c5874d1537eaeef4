//! One server of each host that the parameters name, with its own password and its own TLS.
//!
//! In: the parameters. Out: [`Target`]s in the order in which they are tried.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{self, ChannelBinding};

use super::Surroundings;
use super::error::ConnectionError;
use super::keywords::Parameters;
use super::pgpass::{self, Wanted};
use super::tls::{SslMode, Tls};

const DEFAULT_PORT: u16 = 5432;
/// How long a connection is silent before it is probed.
const KEEPALIVES_IDLE: Duration = Duration::from_mins(1);

/// Where servers put their sockets: Debian's folder, then Postgres's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// What a session must be able to do, `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

impl SessionKind {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ConnectionError> {
        let kinds = [
            ("any", Self::Any),
            ("read-write", Self::ReadWrite),
            ("read-only", Self::ReadOnly),
            ("primary", Self::Primary),
            ("standby", Self::Standby),
            ("prefer-standby", Self::PreferStandby),
        ];
        let kind = parameters.choice("target_session_attrs", &kinds)?;
        Ok(kind.unwrap_or(Self::Any))
    }
}

/// Refuses what some values of a parameter ask for and we do not do.
pub(super) fn refuse_unsupported(parameters: &Parameters) -> Result<(), ConnectionError> {
    // Without GSSAPI, `prefer` is what `disable` is.
    let gss = parameters.choice(
        "gssencmode",
        &[("disable", false), ("prefer", false), ("require", true)],
    )?;
    if gss == Some(true) {
        return Err(parameters.refuse("gssencmode", "GSSAPI is not supported here"));
    }
    parameters.choice("load_balance_hosts", &[("disable", ())])?;
    parameters.choice("sslnegotiation", &[("postgres", ())])?;
    Ok(())
}

/// What holds for every server: the session's parameters and the user.
pub(super) fn base(
    parameters: &Parameters,
    around: &Surroundings,
) -> Result<Config, ConnectionError> {
    let mut base = Config::new();
    let user = parameters.get("user").or(around.user.as_deref());
    if let Some(user) = user {
        base.user(user);
    }
    if let Some(database) = parameters.get("dbname").or(user) {
        base.dbname(database);
    }
    if let Some(options) = parameters.get("options") {
        base.options(options);
    }
    let name = parameters
        .get("application_name")
        .or_else(|| parameters.get("fallback_application_name"));
    base.application_name(name.unwrap_or(concat!("touchpath ", env!("CARGO_PKG_VERSION"))));
    let binding = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    if let Some(binding) = parameters.choice("channel_binding", &binding)? {
        base.channel_binding(binding);
    }
    keep_alive(&mut base, parameters)?;
    Ok(base)
}

fn keep_alive(base: &mut Config, parameters: &Parameters) -> Result<(), ConnectionError> {
    let above_zero = |name| -> Result<Option<u64>, ConnectionError> {
        let number = parameters.number(name)?.map(u64::try_from);
        Ok(number.and_then(Result::ok).filter(|number| *number > 0))
    };
    if parameters.number("keepalives")? == Some(0) {
        base.keepalives(false);
    }
    // The session that keeps the snapshot is silent for as long as the others read, longer than
    // many a firewall remembers a silent connection; the system would wait for two hours.
    let idle = above_zero("keepalives_idle")?.map_or(KEEPALIVES_IDLE, Duration::from_secs);
    base.keepalives_idle(idle);
    if let Some(seconds) = above_zero("keepalives_interval")? {
        base.keepalives_interval(Duration::from_secs(seconds));
    }
    if let Some(count) = above_zero("keepalives_count")? {
        base.keepalives_retries(u32::try_from(count).unwrap_or(u32::MAX));
    }
    if let Some(milliseconds) = above_zero("tcp_user_timeout")? {
        base.tcp_user_timeout(Duration::from_millis(milliseconds));
    }
    Ok(())
}

/// A host and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// A name, an address or the folder of a socket.
    host: String,
    /// The address to connect to instead of looking the name up.
    address: Option<IpAddr>,
    port: u16,
}

impl Server {
    /// Every server that the parameters name, in their order.
    pub(super) fn all(parameters: &Parameters) -> Result<Vec<Self>, ConnectionError> {
        let hosts = parameters.list("host");
        let addresses = parameters.list("hostaddr");
        let ports = parameters.list("port");
        let count = hosts.len().max(addresses.len()).max(1);
        if !addresses.is_empty() && !hosts.is_empty() && hosts.len() != addresses.len() {
            return Err(parameters.refuse("hostaddr", "there are not as many of them as hosts"));
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(parameters.refuse("port", "there are not as many of them as hosts"));
        }
        let mut servers = Vec::with_capacity(count);
        for index in 0..count {
            let port = match ports.get(index).or_else(|| ports.first()) {
                None | Some(&"") => DEFAULT_PORT,
                Some(port) => port
                    .parse()
                    .map_err(|_| parameters.refuse("port", "it is no port's number"))?,
            };
            let address = addresses.get(index).filter(|text| !text.is_empty());
            let address: Option<IpAddr> = address
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| parameters.refuse("hostaddr", "it is no address"))?;
            let host = hosts.get(index).filter(|text| !text.is_empty());
            let host = match (host, address) {
                (Some(host), _) => (*host).to_owned(),
                // A certificate is then verified for the address.
                (None, Some(address)) => address.to_string(),
                (None, None) => default_host(port),
            };
            servers.push(Self {
                host,
                address,
                port,
            });
        }
        Ok(servers)
    }

    /// Whether it is reached by a socket; an address makes a host's name a mere name.
    fn is_socket(&self) -> bool {
        self.address.is_none() && self.host.starts_with('/')
    }

    /// Whether it is this machine; `localhost` is trusted to be so.
    fn is_local(&self) -> bool {
        let address = self.address.or_else(|| self.host.parse().ok());
        match address {
            Some(address) => address.is_loopback(),
            None => self.is_socket() || self.host == "localhost",
        }
    }

    /// The host's name in a password file.
    fn name_in_password_file(&self) -> &str {
        if self.is_socket() && SOCKET_FOLDERS.contains(&self.host.as_str()) {
            "localhost"
        } else {
            &self.host
        }
    }

    fn shown(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The folder in which a server on this machine has its socket, else `localhost`.
fn default_host(port: u16) -> String {
    let has_socket = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    SOCKET_FOLDERS
        .into_iter()
        .find(has_socket)
        .unwrap_or("localhost")
        .to_owned()
}

/// Where the password comes from.
pub(super) enum Passwords {
    /// The URL, the service, `PGPASSWORD` or the settings' file.
    Given(String),
    /// The text of the password file, which has one per server.
    File(String),
    None,
}

impl Passwords {
    /// The first that there is: a parameter, the settings' file, the password file.
    pub(super) fn read(
        parameters: &Parameters,
        around: &Surroundings,
    ) -> Result<Self, ConnectionError> {
        if let Some(password) = parameters.get("password") {
            return Ok(Self::Given(password.to_owned()));
        }
        if let Some(path) = &around.password_file {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|source| ConnectionError::Unreadable {
                what: "the password file",
                path: path.clone(),
                source,
            })?;
            return Ok(Self::Given(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        let path = match parameters.get("passfile") {
            Some(file) => Some(Path::new(file).to_owned()),
            None => around.home().map(|home| home.join(".pgpass")),
        };
        let text = path.map(|path| pgpass::read(&path)).transpose()?.flatten();
        Ok(text.map_or(Self::None, Self::File))
    }

    fn of(&self, server: &Server, base: &Config) -> Option<String> {
        match self {
            Self::None => None,
            Self::Given(password) => Some(password.clone()),
            Self::File(text) => pgpass::find(
                text,
                Wanted {
                    host: server.name_in_password_file(),
                    port: server.port,
                    database: base.get_dbname()?,
                    user: base.get_user()?,
                },
            ),
        }
    }
}

/// What the driver connects to one server by.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) with_tls: bool,
    /// `host:port`.
    pub(super) shown: String,
}

impl Target {
    pub(super) fn new(server: Server, base: &Config, tls: &Tls, passwords: &Passwords) -> Self {
        let is_asked_for =
            tls.is_asked_for || base.get_channel_binding() == ChannelBinding::Require;
        let with_tls = !server.is_socket()
            && match tls.mode {
                SslMode::Disable => false,
                SslMode::Automatic => is_asked_for || !server.is_local(),
                _ => true,
            };
        let mut config = base.clone();
        config.ssl_mode(if with_tls {
            config::SslMode::Require
        } else {
            config::SslMode::Disable
        });
        if let Some(password) = passwords.of(&server, base) {
            config.password(password);
        }
        let shown = server.shown();
        config.port(server.port);
        if let Some(address) = server.address {
            config.hostaddr(address);
        }
        config.host(server.host);
        Self {
            config,
            with_tls,
            shown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keywords::Origin;
    use super::*;

    fn parameters(of: &[(&str, &str)]) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, value) in of {
            parameters
                .give(name, (*value).to_owned(), Origin::Url)
                .unwrap();
        }
        parameters
    }

    fn shown(of: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let servers = Server::all(&parameters(of)).map_err(|error| error.to_string())?;
        Ok(servers.iter().map(Server::shown).collect())
    }

    #[test]
    fn hosts_and_ports_go_together_by_their_places() {
        for (given, servers) in [
            (vec![("host", "a")], vec!["a:5432"]),
            (vec![("host", "a,b"), ("port", "1,2")], vec!["a:1", "b:2"]),
            (vec![("host", "a,b"), ("port", ",2")], vec!["a:5432", "b:2"]),
            (vec![("host", "a,b"), ("port", "7")], vec!["a:7", "b:7"]),
            (
                vec![("host", "::1,/run/x")],
                vec!["[::1]:5432", "/run/x:5432"],
            ),
            (vec![("hostaddr", "10.0.0.1")], vec!["10.0.0.1:5432"]),
            (
                vec![("host", "a"), ("hostaddr", "10.0.0.1")],
                vec!["a:5432"],
            ),
        ] {
            assert_eq!(shown(&given).unwrap(), servers, "{given:?}");
        }
        for given in [
            vec![("host", "a,b,c"), ("port", "1,2")],
            vec![("host", "a,b"), ("hostaddr", "10.0.0.1")],
            vec![("host", "a"), ("port", "65536")],
            vec![("hostaddr", "a")],
        ] {
            assert!(shown(&given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn a_socket_in_its_usual_folder_is_localhost_in_a_password_file() {
        let file = "localhost:*:*:*:usual\n/srv/pg:*:*:*:own\ndb:5432:*:*:db\n";
        let passwords = Passwords::File(file.to_owned());
        let mut base = Config::new();
        base.user("anna").dbname("crm");
        let given = parameters(&[(
            "host",
            "/var/run/postgresql,/tmp,/srv/pg,localhost,db,other",
        )]);
        let found: Vec<Option<String>> = Server::all(&given)
            .unwrap()
            .iter()
            .map(|server| passwords.of(server, &base))
            .collect();
        let expected = ["usual", "usual", "own", "usual", "db"];
        let expected: Vec<_> = expected.into_iter().map(|p| Some(p.to_owned())).collect();
        assert_eq!(found[..5], expected);
        assert_eq!(found[5], None);
    }
}
