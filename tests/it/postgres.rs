//! A real Postgres for the tests of one binary: started once, stopped when the binary ends.
//!
//! In: the server's programs, from `TOUCHPATH_POSTGRES_BIN`, `pg_config --bindir` or Debian's
//! place for them. Out: an empty database per test. The server listens on a free port of the
//! loopback and on a socket in its own folder, trusts every connection, and writes without
//! syncing. `initdb` refuses root; as root the server runs as the user `postgres`.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

/// The shell outlives a test binary that is killed: its standard input then closes, `cat`
/// ends, and the server is stopped and its folder removed.
const SCRIPT: &str = r#"
"$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
    > "$FOLDER/log" 2>&1 || exit 1
"$BIN/postgres" -D "$FOLDER/data" -k "$FOLDER" -p "$PORT" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    < /dev/null >> "$FOLDER/log" 2>&1 &
cat > /dev/null
kill -INT $!
wait $!
rm -rf "$FOLDER"
"#;

/// The server's limit for starting; initdb takes about a second, more on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);

struct Server {
    folder: PathBuf,
    port: u16,
    /// Keeps the shell's standard input open as long as the binary lives.
    _shell: Child,
}

static SERVER: OnceLock<Server> = OnceLock::new();

/// An empty database of the binary's server.
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// Creates the database `name`.
    pub(crate) async fn create(name: &str) -> Self {
        let maintenance = Self {
            name: "postgres".to_owned(),
        };
        let client = maintenance.client().await;
        client
            .batch_execute(&format!("create database {name}"))
            .await
            .unwrap();
        Self {
            name: name.to_owned(),
        }
    }

    /// Its URL over the loopback.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/{}",
            server().port,
            self.name
        )
    }

    /// Its URL over the socket.
    pub(crate) fn socket_url(&self) -> String {
        let server = server();
        let folder = server.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{}", server.port, self.name)
    }

    /// A connection for the test's own statements.
    pub(crate) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

fn server() -> &'static Server {
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let programs = programs();
    let folder = tempfile::Builder::new()
        .prefix("touchpath-pg-")
        .tempdir()
        .unwrap()
        .keep();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT])
        .envs([("BIN", programs.as_path()), ("FOLDER", folder.as_path())])
        .env("PORT", port.to_string())
        .current_dir("/")
        .stdin(Stdio::piped());
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let (user, group) = postgres_user();
        chown(&folder, Some(user), Some(group)).unwrap();
        // Setting the user as root also clears the supplementary groups.
        command.uid(user).gid(group);
    }
    let mut shell = command.spawn().unwrap();
    let limit = Instant::now() + START_LIMIT;
    while !is_ready(&programs, port) {
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(
            shell.try_wait().unwrap().is_none(),
            "postgres did not start:\n{}",
            log()
        );
        assert!(
            Instant::now() < limit,
            "postgres is not ready after {START_LIMIT:?}:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Server {
        folder,
        port,
        _shell: shell,
    }
}

fn is_ready(programs: &Path, port: u16) -> bool {
    Command::new(programs.join("pg_isready"))
        .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
        .status()
        .unwrap()
        .success()
}

/// The folder that holds `initdb` and `postgres`.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("TOUCHPATH_POSTGRES_BIN") {
        return folder.into();
    }
    let has_initdb = |folder: &PathBuf| folder.join("initdb").exists();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        if has_initdb(&folder) {
            return folder;
        }
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    versions
        .map(|version| version.unwrap().path().join("bin"))
        .filter(has_initdb)
        .max_by_key(|folder| version_of(folder))
        .expect("no Postgres server is installed; name its folder in TOUCHPATH_POSTGRES_BIN")
}

fn version_of(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

/// The ids of the user `postgres` and its group.
fn postgres_user() -> (u32, u32) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line.expect("no user `postgres`").split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
