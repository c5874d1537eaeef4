//! Real Postgres servers for the tests: one for the whole program, more where a test needs them.
//!
//! In: the server's programs, from `TOUCHPATH_POSTGRES_BIN`, `pg_config --bindir` or Debian's
//! place for them. Out: an empty database per test, or a [`Cluster`] of the test's own. A server
//! listens on a free port of the loopback and on a socket in its own folder, trusts every
//! connection unless told otherwise, and writes without syncing. `initdb` refuses root; as root
//! the server runs as the user `postgres`.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

/// The shell outlives a test binary that is killed: its standard input then closes, `cat`
/// ends, and the server is stopped and its folder removed.
const SERVE: &str = r#"
"$BIN/postgres" -D "$FOLDER/data" -k "$FOLDER" -p "$PORT" -c listen_addresses=127.0.0.1 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    < /dev/null >> "$FOLDER/log" 2>&1 &
cat > /dev/null
kill -INT $!
wait $!
rm -rf "$FOLDER"
"#;

/// The server's limit for starting, more than enough on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A cluster that does not run yet: its files may be changed.
pub(crate) struct Stopped {
    programs: PathBuf,
    folder: PathBuf,
}

/// A server of its own; it stops when this is dropped, or when the test binary ends.
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    /// Its standard input keeps the server running.
    shell: Child,
}

impl Stopped {
    /// A new cluster made by `initdb` of the folder `programs`.
    pub(crate) fn create(programs: &Path) -> Self {
        let stopped = Self {
            programs: programs.to_owned(),
            folder: new_folder("touchpath-pg-"),
        };
        let data = stopped.folder.join("data");
        let mut command = as_postgres(&programs.join("initdb"));
        command.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "initdb failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        stopped
    }

    /// A cluster with the same files, the beginning of a standby.
    pub(crate) fn copy(&self) -> Self {
        let folder = new_folder("touchpath-pg-");
        let mut command = as_postgres(Path::new("cp"));
        let status = command
            .arg("-rp")
            .arg(self.folder.join("data"))
            .arg(folder.join("data"))
            .status()
            .unwrap();
        assert!(status.success());
        Self {
            programs: self.programs.clone(),
            folder,
        }
    }

    /// Adds lines to `postgresql.conf`.
    pub(crate) fn configure(self, lines: &str) -> Self {
        let file = self.folder.join("data/postgresql.conf");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n{lines}\n")).unwrap();
        self
    }

    /// Puts a file into the cluster's folder, readable by the server alone.
    pub(crate) fn file(self, name: &str, text: &[u8]) -> Self {
        let file = self.folder.join("data").join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        give_to_postgres(&file);
        self
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Cluster {
        let port = free_port();
        let mut command = as_postgres(Path::new("sh"));
        command
            .args(["-c", SERVE])
            .env("BIN", &self.programs)
            .env("FOLDER", &self.folder)
            .env("PORT", port.to_string())
            .stdin(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let limit = Instant::now() + START_LIMIT;
        while !self.is_ready() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
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
        Cluster {
            folder: self.folder,
            port,
            shell,
        }
    }

    /// The last line of the server's own note says so; not every installation has `pg_isready`.
    fn is_ready(&self) -> bool {
        std::fs::read_to_string(self.folder.join("data/postmaster.pid")).is_ok_and(|note| {
            note.lines()
                .last()
                .is_some_and(|line| line.trim() == "ready")
        })
    }
}

impl Cluster {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases over the loopback.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A connection for the test's own statements.
    pub(crate) async fn client(&self, database: &str) -> Client {
        let url = self.url(database);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
    }
}

static SERVER: OnceLock<Cluster> = OnceLock::new();

/// An empty database, of the program's server or of one of its own.
pub(crate) struct Database {
    name: String,
    own: Option<Cluster>,
}

impl Database {
    /// Creates the database `name`.
    pub(crate) async fn create(name: &str) -> Self {
        let client = server().client("postgres").await;
        client
            .batch_execute(&format!("create database {name}"))
            .await
            .unwrap();
        Self {
            name: name.to_owned(),
            own: None,
        }
    }

    /// A database on a server where nobody else writes: an open transaction of another
    /// database keeps a server from telling which rows are older than a snapshot.
    pub(crate) fn alone() -> Self {
        let stopped = Stopped::create(&programs()).configure("autovacuum = off");
        Self {
            name: "postgres".to_owned(),
            own: Some(stopped.start()),
        }
    }

    fn server(&self) -> &Cluster {
        self.own.as_ref().unwrap_or_else(|| server())
    }

    /// Its URL over the loopback.
    pub(crate) fn url(&self) -> String {
        self.server().url(&self.name)
    }

    /// Its URL over the socket.
    pub(crate) fn socket_url(&self) -> String {
        let server = self.server();
        let folder = server.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://postgres@{folder}:{}/{}", server.port, self.name)
    }

    /// A connection for the test's own statements.
    pub(crate) async fn client(&self) -> Client {
        self.server().client(&self.name).await
    }
}

fn server() -> &'static Cluster {
    SERVER.get_or_init(|| Stopped::create(&programs()).start())
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A folder of the server's user.
pub(crate) fn new_folder(prefix: &str) -> PathBuf {
    let folder = tempfile::Builder::new()
        .prefix(prefix)
        .tempdir()
        .unwrap()
        .keep();
    give_to_postgres(&folder);
    folder
}

/// A command that runs as the server's user.
pub(crate) fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if is_root() {
        let (user, group) = postgres_user();
        // Setting the user as root also clears the supplementary groups.
        command.uid(user).gid(group);
    }
    command
}

/// Makes a file the server's user's.
pub(crate) fn give_to_postgres(path: &Path) {
    if is_root() {
        let (user, group) = postgres_user();
        chown(path, Some(user), Some(group)).unwrap();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The folder that holds `initdb` and `postgres`.
pub(crate) fn programs() -> PathBuf {
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
