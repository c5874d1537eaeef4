//! Connections that fail, break or must be verified: exit codes, hints, no secrets, no files.

use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use touchpath::error::{Exit, Failure};
use touchpath::export::{Database, ExportRequest, Progress, UrlSource, export};

use super::apart::export_apart;
use super::postgres::{Stopped, programs};
use super::{Lake, at, failure, postgres, printed, request};
use crate::certificates::{certificate, certificate_bytes};

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

#[tokio::test]
async fn tls_verifies_the_server_by_the_roots_of_the_system() {
    let server = Stopped::create(&programs())
        .file("server.crt", &certificate_bytes("server.crt"))
        .file("server.key", &certificate_bytes("server.key"))
        .configure("ssl = on")
        .start();
    let client = server.client("postgres").await;
    client
        .batch_execute(
            "create view public.t as select ssl from pg_stat_ssl where pid = pg_backend_pid()",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let by_name = server.url("postgres").replace("127.0.0.1", "localhost") + "?sslmode=verify-full";
    let export_trusting =
        |roots: &str| export_apart(&by_name, &lake, &[("SSL_CERT_FILE", &certificate(roots))]);
    let text = export_trusting("other.crt");
    assert!(
        text.contains("invalid peer certificate") && text.contains("sslrootcert=FILE"),
        "{text}"
    );
    assert_eq!(lake.files(), [""; 0]);
    let text = export_trusting("ca.crt");
    assert!(text.contains("exported 1 row"), "{text}");
    let file = std::fs::File::open(lake.only_part("public/t")).unwrap();
    let batches = ParquetRecordBatchReader::try_new(file, 1).unwrap();
    let encrypted: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    assert!(encrypted[0].column(0).as_boolean().value(0));
}
