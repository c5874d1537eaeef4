//! Exports beside sessions that write, alter, empty, rewrite or lock what is exported.
//!
//! Locks keep the form of tables until the export ends, whatever their turn: whoever alters one
//! waits. A session that comes between the export's first connection and its readers, a moment
//! at the beginning, makes the readers wait behind itself; then, as when a table is locked
//! already, the export gives up after ten seconds and names the table. Partitions may be
//! attached meanwhile: their rows are exported or not, all of them or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use chrono::TimeDelta;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use touchpath::error::Exit;
use touchpath::export::{Selection, export};
use touchpath::lake::exports::{ExportManifest, ExportedTable};

use super::faults::texts;
use super::proxy::{Fault, Harm, Proxy};
use super::{Lake, at, export_at, failure, postgres, printed, request};

/// The sum of a table's column `amount`.
fn total(lake: &Lake, table: &ExportedTable) -> i64 {
    let mut total = 0;
    for part in &table.parts {
        let file = std::fs::File::open(lake.file(&part.path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let amounts = batch.column_by_name("amount").unwrap();
            total += amounts
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .sum::<i64>();
        }
    }
    total
}

/// Two sessions that move amounts from table to table until it is over.
async fn writers(
    database: &postgres::Database,
    is_over: &Arc<AtomicBool>,
    moved: &Arc<AtomicU64>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut writers = Vec::new();
    for writer in 0..2_usize {
        let client = database.client().await;
        let (is_over, moved) = (Arc::clone(is_over), Arc::clone(moved));
        writers.push(tokio::spawn(async move {
            for step in 0_usize.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let [from, to] = [step, step + 1].map(|table| ["x", "y", "z"][table % 3]);
                // Each writer has its own rows, so that they do not wait for one another.
                let id = 1 + writer + 2 * (step % 100);
                let sql = format!(
                    "begin; update public.{from} set amount = amount - {step} where id = {id}; \
                     update public.{to} set amount = amount + {step} where id = {id}; commit"
                );
                client.batch_execute(&sql).await.unwrap();
                moved.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_across_tables_are_exact_in_a_hundred_exports_under_writes() {
    let database = postgres::Database::create("transfers").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.x (id bigint primary key, amount bigint);
             insert into public.x select id, 1000 from generate_series(1, 200) as id;
             create table public.y as select * from public.x;
             create table public.z as select * from public.x;",
        )
        .await
        .unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let moved = Arc::new(AtomicU64::new(0));
    let writers = writers(&database, &is_over, &moved).await;
    let lake = Lake::create();
    let mut request = request(
        &database.url(),
        &lake,
        &["public.x", "public.y", "public.z"],
    );
    request.jobs = 2;
    let mut changed = 0;
    let mut last = None;
    for number in 0..100 {
        let now = at(0) + TimeDelta::seconds(number);
        let manifest = export(&request, || now, &|_| ()).await.unwrap();
        let totals: Vec<i64> = manifest
            .tables
            .iter()
            .map(|table| total(&lake, table))
            .collect();
        assert_eq!(totals.iter().sum::<i64>(), 600_000, "export {number}");
        changed += u32::from(last.as_ref() != Some(&totals));
        last = Some(totals);
    }
    is_over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    println!(
        "{} transfers beside 100 exports",
        moved.load(Ordering::Relaxed)
    );
    assert!(
        changed > 90,
        "only {changed} exports saw other amounts than the one before"
    );
}

/// What the sessions of these tests find: a table that is read first, others of a few rows.
const CREATE: &str = "\
    drop schema public cascade; create schema public;
    create table public.a as select id, repeat(md5(id::text), 10) as pad \
        from generate_series(1, 500) as id;
    create table public.t (id bigint primary key, n integer, more text);
    insert into public.t values (1, 10, 'x'), (2, 20, 'y');
    create view public.v as select id, n from public.t;
    create materialized view public.m as select id, n from public.t;
    create table public.p (id bigint) partition by list (id);
    create table public.p_1 partition of public.p for values in (1);
    create table public.p_2 partition of public.p for values in (2);
    create table public.p_3 (id bigint);
    insert into public.p values (1), (2); insert into public.p_3 values (3);
    analyze;";

/// Exports `public.a` and another table; the only reader is held at `offset` until another
/// session has begun the statement. Returns the export's outcome and the statement's.
async fn beside(
    database: &postgres::Database,
    lake: &Lake,
    (table, statement): (&str, &str),
    offset: u64,
) -> (
    Result<ExportManifest, touchpath::export::ExportError>,
    Result<(), tokio_postgres::Error>,
) {
    let url = database.url();
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let hold = Fault {
        connection: 1,
        offset,
        harm: Harm::Hold,
    };
    let proxy = Proxy::start(port, hold).await;
    let through = url.replace(&port.to_string(), &proxy.port.to_string());
    let request = request(&through, lake, &["public.a", table]);
    let exporting = tokio::spawn(async move { export(&request, || at(0), &|_| ()).await });
    proxy.reached().await;
    let client = database.client().await;
    let statement = statement.to_owned();
    let altering = tokio::spawn(async move { client.batch_execute(&statement).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    proxy.release();
    let both = async { (exporting.await.unwrap(), altering.await.unwrap()) };
    tokio::time::timeout(Duration::from_secs(40), both)
        .await
        .expect("the export or the other session hangs")
}

/// The rows of the second table of an export.
fn rows(lake: &Lake, manifest: &ExportManifest) -> Vec<Vec<Option<String>>> {
    let parts = manifest.tables[1].parts.iter();
    let mut rows: Vec<_> = parts
        .flat_map(|part| texts(std::fs::read(lake.file(&part.path)).unwrap()))
        .collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_altered_emptied_or_rewritten_meanwhile_are_exported_as_they_were() {
    let database = postgres::Database::create("altered").await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    for case in [
        (
            "public.t",
            "alter table public.t add column late integer default 7",
        ),
        ("public.t", "alter table public.t drop column n cascade"),
        (
            "public.t",
            "alter table public.t alter more type bytea using more::bytea",
        ),
        ("public.t", "alter table public.t rename to renamed"),
        ("public.t", "truncate public.t"),
        ("public.t", "vacuum full public.t"),
        ("public.t", "cluster public.t using t_pkey"),
        ("public.t", "drop table public.t cascade"),
        ("public.a", "truncate public.a"),
        ("public.v", "truncate public.t"),
        ("public.v", "drop view public.v"),
        (
            "public.m",
            "update public.t set n = 0; refresh materialized view public.m",
        ),
        ("public.m", "drop materialized view public.m"),
        ("public.p", "truncate public.p"),
        ("public.p", "truncate public.p_2"),
        ("public.p", "drop table public.p_2"),
        (
            "public.p",
            "alter table public.p detach partition public.p_2",
        ),
        (
            "public.p",
            "alter table public.p detach partition public.p_2 concurrently",
        ),
    ] {
        client.batch_execute(CREATE).await.unwrap();
        let expected = printed(&client, &format!("select * from {} order by 1", case.0)).await;
        let lake = Lake::create();
        let (exported, altered) = beside(&database, &lake, case, 40_000).await;
        assert!(
            exported.is_ok() && altered.is_ok(),
            "{case:?}: {exported:?}, {altered:?}"
        );
        let manifest = exported.unwrap();
        if case.0 == "public.a" {
            assert_eq!(manifest.tables[0].rows, 500, "{case:?}");
        } else {
            assert_eq!(rows(&lake, &manifest), expected, "{case:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_attached_meanwhile_is_exported_whole_or_not_at_all() {
    let database = postgres::Database::create("attached").await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    let lake = Lake::create();
    let statement = "alter table public.p attach partition public.p_3 for values in (3)";
    let (exported, attached) = beside(&database, &lake, ("public.p", statement), 40_000).await;
    attached.unwrap();
    let rows = rows(&lake, &exported.unwrap()).concat();
    let rows: Vec<&str> = rows.iter().flatten().map(String::as_str).collect();
    assert!(
        [&["1", "2"][..], &["1", "2", "3"]].contains(&&rows[..]),
        "{rows:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_alters_before_the_readers_have_their_locks_ends_the_export_with_the_tables_name() {
    let database = postgres::Database::create("between").await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    let lake = Lake::create();
    let started = Instant::now();
    // The reader is held before it has even logged in.
    let (exported, altered) = beside(&database, &lake, ("public.t", "truncate public.t"), 0).await;
    let (exit, text) = failure(exported);
    assert_eq!(exit, Exit::Store);
    assert!(text.contains("keeps `public.t` locked"), "{text}");
    assert!(text.contains("hint: another session"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(20));
    altered.unwrap();
    let manifest = export_at(1, &database, &lake, &["public.a", "public.t"])
        .await
        .unwrap();
    assert_eq!(manifest.tables[1].rows, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_another_session_keeps_is_waited_for_ten_seconds() {
    let database = postgres::Database::create("kept").await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    client
        .batch_execute("begin; lock table public.t in access exclusive mode")
        .await
        .unwrap();
    let lakes = [Lake::create(), Lake::create(), Lake::create()];
    let started = Instant::now();
    let attempts = ["public.t", "public.v", "public.m"].iter().zip(&lakes);
    let attempts =
        attempts.map(|(table, lake)| export_at(0, &database, lake, std::slice::from_ref(table)));
    let mut outcomes = futures::future::join_all(attempts).await;
    let waited = started.elapsed();
    assert!((9..15).contains(&waited.as_secs()), "{waited:?}");
    // What was drawn from the table before does not need it.
    assert_eq!(outcomes.pop().unwrap().unwrap().tables[0].rows, 2);
    for (outcome, table) in outcomes.into_iter().zip(["public.t", "public.v"]) {
        let (exit, text) = failure(outcome);
        assert_eq!(exit, Exit::Store);
        assert!(text.contains(&format!("keeps `{table}` locked")), "{text}");
        assert!(text.contains("hint: another session"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_being_reloaded_is_waited_for_and_exported_with_its_new_rows() {
    let database = postgres::Database::create("reloaded").await;
    for table in ["public.t", "public.v"] {
        let client = database.client().await;
        client.batch_execute(CREATE).await.unwrap();
        client
            .batch_execute("begin; truncate public.t; insert into public.t values (5, 50, 'z')")
            .await
            .unwrap();
        let lake = Lake::create();
        let committing = async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            client.batch_execute("commit").await.unwrap();
        };
        let tables = ["public.a", table];
        let exporting = export_at(0, &database, &lake, &tables);
        let (exported, ()) = tokio::join!(exporting, committing);
        let rows = rows(&lake, &exported.unwrap());
        assert_eq!(rows.len(), 1, "{table}");
        assert_eq!(
            rows[0][..2],
            [Some("5".to_owned()), Some("50".to_owned())],
            "{table}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_only_planning_can_lock_is_not_read_as_empty_while_it_is_reloaded() {
    let database = postgres::Database::create("reloaded_columns").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create role column_reader login;
             create table public.b (id integer primary key, secret text);
             create view public.v as select * from public.b;
             create table public.t (id integer primary key, secret text);
             insert into public.t values (1, 'x'), (2, 'y');
             grant select (id) on public.v, public.t to column_reader;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let url = database.url().replace("postgres@", "column_reader@");
    let mut request = request(&url, &lake, &["public.v", "public.t"]);
    let only = || Selection {
        columns: Some(vec!["id".to_owned()]),
        condition: None,
    };
    let selections = request.tables.iter().map(|table| (table.clone(), only()));
    request.selections = selections.collect();
    let exported = export(&request, || at(0), &|_| ()).await.unwrap();
    assert_eq!(exported.tables[1].rows, 2);
    // Planning over the view takes the snapshot and waits; the other table is free until then.
    let holding = database.client().await;
    let hold = "begin; lock table public.b in access exclusive mode";
    holding.batch_execute(hold).await.unwrap();
    let reloading = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        client
            .batch_execute("begin; truncate public.t; insert into public.t values (5, 'z'); commit")
            .await
            .unwrap();
        holding.batch_execute("commit").await.unwrap();
    };
    let (outcome, ()) = tokio::join!(export(&request, || at(1), &|_| ()), reloading);
    let (exit, text) = failure(outcome);
    assert_eq!(exit, Exit::Store);
    assert!(
        text.contains("`public.t` was emptied or rewritten while the export began"),
        "{text}"
    );
    let exported = export(&request, || at(2), &|_| ()).await.unwrap();
    assert_eq!(exported.tables[1].rows, 1);
}
