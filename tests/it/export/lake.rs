//! What an export leaves in the lake: one moment of the database, whole tables, true figures.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parquet::file::reader::{FileReader, SerializedFileReader};
use touchpath::export::{Progress, export};
use touchpath::lake::exports;

use super::{Lake, at, export_at, postgres, printed, request};

#[tokio::test(flavor = "multi_thread")]
async fn all_tables_show_one_moment_of_the_database() {
    let database = postgres::Database::create("snapshot").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.a (id integer primary key);
             create table public.b (id integer primary key);
             insert into public.a select generate_series(1, 30000);
             insert into public.b select generate_series(1, 30000);",
        )
        .await
        .unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicU64::new(0));
    let writer = {
        let (is_over, written) = (Arc::clone(&is_over), Arc::clone(&written));
        tokio::spawn(async move {
            for id in 30_001.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let sql = format!(
                    "begin; insert into public.a values ({id}); insert into public.b values ({id}); commit"
                );
                client.batch_execute(&sql).await.unwrap();
                written.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let lake = Lake::create();
    let mut written_during = 0;
    for second in 0..8 {
        let before = written.load(Ordering::Relaxed);
        let manifest = export_at(second, &database, &lake, &["public.a", "public.b"])
            .await
            .unwrap();
        written_during += written.load(Ordering::Relaxed) - before;
        assert_eq!(
            manifest.tables[0].rows, manifest.tables[1].rows,
            "export {second}"
        );
    }
    is_over.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(
        written_during > 8,
        "only {written_during} transactions ran beside the exports"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_export_replaces_every_file_of_the_table() {
    let database = postgres::Database::create("replacement").await;
    let client = database.client().await;
    client
        .batch_execute("create table public.t (id integer); insert into public.t values (1)")
        .await
        .unwrap();
    let lake = Lake::create();
    export_at(0, &database, &lake, &["public.t"]).await.unwrap();
    let leftovers = [
        "public/t/part-00001.parquet",
        // An export that was killed, two days ago and just now.
        "public/t/_part-20250302T101500.000000Z-00000.part",
        "_exports/20250302T101500.000000Z.working/0-0.json",
        "public/t/_part-20250304T091500.000000Z-00000.part",
        "public/t.parquet",
    ];
    std::fs::create_dir(lake.file("_exports/20250302T101500.000000Z.working")).unwrap();
    for file in leftovers {
        std::fs::write(lake.file(file), "old").unwrap();
    }
    client
        .batch_execute("insert into public.t values (2)")
        .await
        .unwrap();
    let manifest = export_at(1, &database, &lake, &["public.t", "public.t"])
        .await
        .unwrap();
    assert_eq!(manifest.tables.len(), 1);
    assert_eq!(
        manifest.tables[0].removed,
        [
            "public/t/part-00001.parquet",
            "public/t/part-20250304T101500.000000Z-00000.parquet",
            "public/t.parquet"
        ]
    );
    assert_eq!(
        lake.files(),
        [
            "_exports/20250304T101500.000000Z.json",
            "_exports/20250304T101501.000000Z.json",
            "public/t/_part-20250304T091500.000000Z-00000.part",
            "public/t/part-20250304T101501.000000Z-00000.parquet",
        ]
    );
    let manifests = exports::list(&lake.location).await.unwrap();
    assert_eq!(manifests[0].tables[0].rows, 1);
    assert_eq!(manifests[1], manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_figures_are_those_of_the_files() {
    let database = postgres::Database::create("figures").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t as select id, 'name ' || id as name
                 from generate_series(1, 20000) as id;
             analyze public.t;
             create view public.none as select 1 as one where false;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let seen = std::sync::Mutex::new(Vec::new());
    let note = |progress: &Progress<'_>| {
        let Progress {
            table,
            rows,
            estimated_rows,
            is_complete,
            ..
        } = *progress;
        let mut seen = seen.lock().unwrap();
        let line = (table.to_owned(), rows, estimated_rows);
        if seen.last() != Some(&line) {
            seen.push(line);
        }
        assert!(!is_complete || rows == 20_000 || table == "public.none");
    };
    let request = request(&database.socket_url(), &lake, &["public.t", "public.none"]);
    let manifest = export(&request, || at(0), &note).await.unwrap();
    for (table, rows) in manifest.tables.iter().zip([20_000, 0]) {
        let path = lake.file(&table.parts[0].path);
        let size = std::fs::metadata(&path).unwrap().len();
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), rows);
        let rows = u64::try_from(rows).unwrap();
        assert_eq!((table.rows, table.parts[0].rows), (rows, rows));
        assert_eq!((table.bytes, table.parts[0].bytes), (size, size));
    }
    let seen = seen.into_inner().unwrap();
    // The second table is begun while the first one's file is completed.
    let (of_t, mut of_none): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|line| line.0 == "public.t");
    of_none.dedup();
    assert!(of_t.len() > 1 && of_t.is_sorted(), "{of_t:?}");
    assert_eq!(
        of_t.last().unwrap(),
        &("public.t".to_owned(), 20_000, Some(20_000))
    );
    assert_eq!(of_none, [("public.none".to_owned(), 0, None)]);
    let version = &printed(&client, "show server_version").await[0][0];
    assert_eq!(Some(&manifest.server_version), version.as_ref());
    assert!(
        manifest.snapshot.split(':').count() == 3,
        "{}",
        manifest.snapshot
    );
}
