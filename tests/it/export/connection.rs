//! Connections that fail, break or must be verified: exit codes, hints, no secrets, no files.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use touchpath::error::{Exit, Failure};
use touchpath::export::{Database, ExportRequest, Progress, UrlSource, export};

use super::apart::export_apart;
use super::{Lake, at, failure, postgres, printed, request};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_leaves_no_file() {
    let database = postgres::Database::create("broken").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t as select id, repeat('x', 200) as pad
             from generate_series(1, 200000) as id",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let note = |_: &Progress<'_>| started.send(()).unwrap();
    let request = request(&database.url(), &lake, &["public.t"]);
    let cut = async {
        has_started.recv().await.unwrap();
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = 'broken' and application_name like 'touchpath %'";
        assert_eq!(printed(&client, sql).await.len(), 2);
    };
    let (outcome, ()) = tokio::join!(export(&request, || at(0), &note), cut);
    let (exit, text) = failure(outcome);
    assert_eq!(exit, Exit::Store, "{text}");
    assert!(
        text.starts_with("error: the snapshot of this export is no longer to be had"),
        "{text}"
    );
    assert_eq!(lake.files(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_connection_breaks_reads_its_part_again() {
    let database = postgres::Database::create("mended").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t as select id, repeat('x', 200) as pad
             from generate_series(1, 200000) as id",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let note = |_: &Progress<'_>| started.send(()).unwrap();
    let request = request(&database.url(), &lake, &["public.t"]);
    let cut = async {
        has_started.recv().await.unwrap();
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = 'mended' and query like 'copy %'";
        assert_eq!(printed(&client, sql).await, [[Some("t".to_owned())]]);
        // Not of the snapshot.
        client
            .batch_execute("delete from public.t where id < 1000")
            .await
            .unwrap();
    };
    let (outcome, ()) = tokio::join!(export(&request, || at(0), &note), cut);
    let manifest = outcome.unwrap();
    assert_eq!(manifest.tables[0].rows, 200_000);
    assert!(manifest.is_one_snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_dropped_frees_the_server_and_leaves_no_file() {
    let database = postgres::Database::create("dropped").await;
    let client = database.client().await;
    // A thousand seconds to its end, if the server were left to go on.
    client
        .batch_execute(
            "create view public.slow as
             select id, pg_sleep(0.001)::text as pause, repeat('x', 1000) as pad
             from generate_series(1, 1000000) as id",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let request = request(&database.url(), &lake, &["public.slow"]);
    let outcome =
        tokio::time::timeout(Duration::from_secs(1), export(&request, || at(0), &|_| ())).await;
    assert!(outcome.is_err(), "{outcome:?}");
    let sessions = "select count(*) from pg_stat_activity \
                    where datname = 'dropped' and application_name like 'touchpath %'";
    let none = [[Some("0".to_owned())]];
    let limit = Instant::now() + Duration::from_secs(10);
    let leftovers = || lake.files().iter().any(|file| !file.contains(".working/"));
    while printed(&client, sessions).await != none || leftovers() {
        assert!(Instant::now() < limit, "still there: {:?}", lake.files());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_a_store_failure_without_secrets() {
    let database = postgres::Database::create("unreachable").await;
    let lake = Lake::create();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let cases = [
        (
            format!("postgres://anna:s3cret@127.0.0.1:{closed}/crm"),
            "Connection refused",
        ),
        (
            format!("postgres://anna:s3cret@127.0.0.1:{closed}/crm?sslmode=require"),
            "refused",
        ),
        (
            database.url().replace("/unreachable", "/nowhere"),
            "(SQLSTATE 3D000)",
        ),
    ];
    for (url, cause) in cases {
        let request = ExportRequest::new(
            Database::parse(&url, UrlSource::Settings, Some("s3cret")).unwrap(),
            vec!["public.t".to_owned()],
            lake.location.clone(),
        );
        let error = export(&request, || at(0), &|_| ()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
        let failure = Failure::from(error);
        let text = failure.to_string();
        assert_eq!(failure.exit, Exit::Store, "{text}");
        assert!(
            text.contains("cannot connect to `") && text.contains(cause),
            "{text}"
        );
        assert_eq!(failure.hint, None, "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

/// Makes a certificate for `localhost`, signed by an authority of its own, and lets the
/// server of the tests offer TLS with it. Returns the authority's certificate.
async fn offer_tls(client: &tokio_postgres::Client, folder: &Path) -> std::path::PathBuf {
    const SCRIPT: &str = "\
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=ca && \
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost && \
        echo subjectAltName=DNS:localhost > names && \
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
            -extfile names -out server.crt && \
        cp server.key server.crt \"$DATA\" && cd \"$DATA\" && chmod 600 server.key && \
        chown --reference=. server.key server.crt";
    let data = printed(client, "show data_directory").await[0][0]
        .clone()
        .unwrap();
    let output = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir(folder)
        .env("DATA", data)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    client
        .batch_execute("alter system set ssl = on")
        .await
        .unwrap();
    client
        .batch_execute("select pg_reload_conf()")
        .await
        .unwrap();
    folder.join("ca.crt")
}

#[tokio::test]
async fn tls_verifies_the_server() {
    const HINT: &str = "`sslmode=disable` in the URL does without encryption";
    let database = postgres::Database::create("tls").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create view public.t as select ssl from pg_stat_ssl where pid = pg_backend_pid()",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let folder = tempfile::tempdir().unwrap();
    let by_address = database.url() + "?sslmode=require";
    let by_name = by_address.replace("127.0.0.1", "localhost");
    let export_trusting =
        |roots: &Path, url: &str| export_apart(url, &lake, &[("SSL_CERT_FILE", roots)]);
    let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if system.exists() {
        let text = export_trusting(system, &by_name);
        assert!(
            text.contains("server does not support TLS") && text.contains(HINT),
            "{text}"
        );
    }
    let authority = offer_tls(&client, folder.path()).await;
    let text = export_trusting(&folder.path().join("server.crt"), &by_name);
    assert!(
        text.contains("invalid peer certificate") && text.contains(HINT),
        "{text}"
    );
    let text = export_trusting(&authority, &by_address);
    assert!(
        text.contains("invalid peer certificate") && text.contains(HINT),
        "{text}"
    );
    assert_eq!(lake.files(), [""; 0]);
    let text = export_trusting(&authority, &by_name);
    assert!(text.contains("exported 1 row"), "{text}");
    let file = std::fs::File::open(lake.only_part("public/t")).unwrap();
    let batches = ParquetRecordBatchReader::try_new(file, 1).unwrap();
    let encrypted: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    assert!(encrypted[0].column(0).as_boolean().value(0));
}
