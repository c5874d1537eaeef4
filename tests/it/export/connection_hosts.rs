//! Several hosts, a standby, a pooler: which server takes us, and whether it can be exported from.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use touchpath::error::Failure;
use touchpath::export::{Database, ExportError, ExportRequest, Surroundings, UrlSource, export};

use super::postgres::{self, Cluster, Stopped, as_postgres, free_port, new_folder, programs};
use super::{Lake, at, printed};

async fn connect(words: &str) -> Result<u16, ExportError> {
    let words = format!("user=postgres dbname=postgres {words}");
    let given = Some((words.as_str(), UrlSource::Settings));
    let database = Database::resolve(given, &Surroundings::default())?;
    let connection = database.connect().await?;
    let row = connection.client.query_one("show port", &[]).await.unwrap();
    Ok(row.get::<_, String>(0).parse().unwrap())
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_is_passed_over() {
    let cluster = Stopped::create(&programs()).start();
    let live = cluster.port();
    let dead = free_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address.port()))
        .unwrap();
    let words = format!(
        "connect_timeout=1 host=127.0.0.1,127.0.0.1,/nowhere,no-such-host.invalid,127.0.0.1 \
         port={dead},{},1,1,{live}",
        silent.1
    );
    assert_eq!(connect(&words).await.unwrap(), live);

    let error = connect(&format!("host=127.0.0.1 port={dead}"))
        .await
        .unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
    let words = format!("connect_timeout=1 host=127.0.0.1 port={}", silent.1);
    let error = connect(&words).await.unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
    let said = Failure::from(error).to_string();
    assert!(said.contains("no answer within 1 s"), "{said}");
    let error = connect("host=no-such-host.invalid sslmode=disable")
        .await
        .unwrap_err();
    assert!(!error.is_connection_lost(), "{error:?}");
}

#[tokio::test]
async fn a_server_that_refuses_us_ends_the_search() {
    let refuses = Stopped::create(&programs())
        .file("pg_hba.conf", b"host all all 127.0.0.1/32 reject\n")
        .start();
    let takes = Stopped::create(&programs()).start();
    let words = format!(
        "host=127.0.0.1,127.0.0.1 port={},{}",
        refuses.port(),
        takes.port()
    );
    let said = Failure::from(connect(&words).await.unwrap_err()).to_string();
    assert!(said.contains("(SQLSTATE 28000)"), "{said}");
}

#[tokio::test]
async fn a_connection_that_the_server_ends_counts_as_lost() {
    let database = postgres::Database::create("ended").await;
    let client = database.client().await;
    let given = Some((database.url(), UrlSource::Settings));
    let given = given.as_ref().map(|(url, source)| (url.as_str(), *source));
    let ours = Database::resolve(given, &Surroundings::default()).unwrap();
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = 'ended' and pid <> pg_backend_pid()";
    let lake = Lake::create();
    let slow = "create view public.slow as select pg_sleep(0.01)::text as pause \
                from generate_series(1, 100000)";
    client.batch_execute(slow).await.unwrap();
    let request = ExportRequest::new(ours, vec!["public.slow".to_owned()], lake.location.clone());
    let cut = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(printed(&client, sql).await.len(), 2);
    };
    let (outcome, ()) = tokio::join!(export(&request, || at(0), &|_| ()), cut);
    // The worker tried again, and nobody kept the snapshot any more.
    let error = outcome.unwrap_err();
    assert!(matches!(error, ExportError::SnapshotGone), "{error:?}");
}

/// A primary and a hot standby of it that has caught up with a table of 1,000 rows.
async fn primary_and_standby() -> (Cluster, Cluster) {
    let stopped = Stopped::create(&programs());
    let copy = stopped.copy();
    let primary = stopped.start();
    let standby = copy
        .file("standby.signal", b"")
        .configure(&format!(
            "primary_conninfo = 'host=127.0.0.1 port={} user=postgres'",
            primary.port()
        ))
        .start();
    let client = primary.client("postgres").await;
    let sql = "create table public.t as select id, id * 1.25 as amount from generate_series(1, 1000) as id; \
               alter table public.t alter amount type numeric(12, 2), add primary key (id)";
    client.batch_execute(sql).await.unwrap();
    let position = printed(&client, "select pg_current_wal_lsn()").await[0][0]
        .clone()
        .unwrap();
    let follower = standby.client("postgres").await;
    let has_come = format!("select pg_last_wal_replay_lsn() >= '{position}'");
    let limit = Instant::now() + Duration::from_secs(30);
    while printed(&follower, &has_come).await != [[Some("t".to_owned())]] {
        assert!(Instant::now() < limit, "the standby does not follow");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (primary, standby)
}

async fn export_rows(url: &str) -> Result<u64, ExportError> {
    let lake = Lake::create();
    let request = ExportRequest::new(
        Database::parse(url, UrlSource::Argument, None)?,
        vec!["public.t".to_owned()],
        lake.location.clone(),
    );
    let manifest = export(&request, || at(0), &|_| ()).await?;
    Ok(manifest.tables[0].rows)
}

#[tokio::test]
async fn a_hot_standby_is_found_by_its_kind_and_exported_from() {
    let (primary, standby) = primary_and_standby().await;
    let hosts = |attributes: &str| {
        format!(
            "host=127.0.0.1,127.0.0.1 port={},{} target_session_attrs={attributes}",
            primary.port(),
            standby.port()
        )
    };
    for (kind, port) in [
        ("any", primary.port()),
        ("primary", primary.port()),
        ("read-write", primary.port()),
        ("standby", standby.port()),
        ("read-only", standby.port()),
        ("prefer-standby", standby.port()),
    ] {
        assert_eq!(connect(&hosts(kind)).await.unwrap(), port, "{kind}");
    }
    let only =
        |port: u16, kind: &str| format!("host=127.0.0.1 port={port} target_session_attrs={kind}");
    let prefers = only(primary.port(), "prefer-standby");
    assert_eq!(connect(&prefers).await.unwrap(), primary.port());
    let error = connect(&only(primary.port(), "standby")).await.unwrap_err();
    assert!(matches!(error, ExportError::OtherKind { .. }), "{error:?}");

    assert_eq!(export_rows(&standby.url("postgres")).await.unwrap(), 1000);
    // Several workers can share one snapshot there too.
    let client = standby.client("postgres").await;
    let sql = "begin isolation level repeatable read; select pg_export_snapshot() is not null";
    assert_eq!(printed(&client, sql).await, [[Some("t".to_owned())]]);
}

/// `PgBouncer` before a server, with its own defaults but for what it has to be told.
struct Bouncer {
    process: Child,
    port: u16,
    folder: std::path::PathBuf,
}

impl Bouncer {
    fn start(cluster: &Cluster) -> Self {
        let folder = new_folder("touchpath-bouncer-");
        let port = free_port();
        let users = folder.join("users");
        std::fs::write(&users, "\"postgres\" \"\"\n").unwrap();
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\npool_mode = session\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\n",
            cluster.port(),
            users.display()
        );
        let settings = folder.join("pgbouncer.ini");
        std::fs::write(&settings, text).unwrap();
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .map(Path::new)
            .into_iter()
            .find(|program| program.exists())
            .expect("pgbouncer is needed, as `apt-get install pgbouncer` installs it");
        let process = as_postgres(program)
            .arg("-q")
            .arg(&settings)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let limit = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < limit, "pgbouncer does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            process,
            port,
            folder,
        }
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test]
async fn an_export_passes_through_pgbouncer_in_session_mode() {
    let cluster = Stopped::create(&programs()).start();
    let client = cluster.client("postgres").await;
    client
        .batch_execute("create table public.t as select id from generate_series(1, 1000) as id")
        .await
        .unwrap();
    let bouncer = Bouncer::start(&cluster);
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", bouncer.port);
    // The second export meets the server's connection that the first has used.
    for _ in 0..2 {
        assert_eq!(export_rows(&url).await.unwrap(), 1000);
    }
}
