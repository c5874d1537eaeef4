//! Tables in several parts over several connections: all rows once, in order, of one snapshot.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use touchpath::error::Exit;
use touchpath::export::{ExportRequest, Mode, PartState, Selection, export, verify};
use touchpath::lake::exports::{ExportManifest, ExportedTable};

use super::{Lake, at, failure, is_staged, postgres, printed, request};

/// A table of 195 MiB, a row a page, which makes three parts: ids in the order of the pages.
const LARGE: &str = "\
    create table public.t (id bigint primary key, pad text);
    alter table public.t alter pad set storage plain;
    insert into public.t select id, repeat('x', 7500) from generate_series(1, 25000) as id;
    analyze public.t;";

/// The values of the column `id` of a part, in file order.
fn ids(path: &Path) -> Vec<i64> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut ids = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = batch.column_by_name("id").unwrap();
        ids.extend(column.as_primitive::<Int64Type>().values());
    }
    ids
}

fn all_ids(lake: &Lake, table: &ExportedTable) -> Vec<Vec<i64>> {
    table
        .parts
        .iter()
        .map(|part| ids(&lake.file(&part.path)))
        .collect()
}

async fn run(request: &ExportRequest, second: u32) -> ExportManifest {
    export(request, || at(second), &|_| ()).await.unwrap()
}

/// The bytes of the parts, in order.
fn contents(lake: &Lake, manifest: &ExportManifest) -> Vec<Vec<u8>> {
    let parts = manifest.tables.iter().flat_map(|table| &table.parts);
    parts
        .map(|part| std::fs::read(lake.file(&part.path)).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_read_in_parts_by_any_number_of_connections_with_the_same_bytes() {
    let database = postgres::Database::create("parts").await;
    let client = database.client().await;
    client.batch_execute(LARGE).await.unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.t"]);
    let mut seen = Vec::new();
    for (second, jobs) in [(0, 1), (1, 2), (2, 5)] {
        request.jobs = jobs;
        let manifest = run(&request, second).await;
        let table = &manifest.tables[0];
        assert_eq!(table.parts.len(), 3, "{:?}", table.parts);
        assert!(manifest.is_one_snapshot);
        let parts = all_ids(&lake, table);
        assert_eq!(parts.concat(), (1..=25_000).collect::<Vec<i64>>());
        for (part, ids) in table.parts.iter().zip(&parts) {
            let shown = |id: &i64| vec![id.to_string()];
            let range = (shown(ids.first().unwrap()), shown(ids.last().unwrap()));
            assert_eq!(part.key_range, Some(range));
            assert_eq!(part.snapshot, manifest.snapshot);
        }
        seen.push(contents(&lake, &manifest));
    }
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
    // Only the last export's files are left.
    let parquet = lake
        .files()
        .into_iter()
        .filter(|file| file.ends_with(".parquet"));
    assert_eq!(parquet.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_whose_rows_lie_otherwise_are_in_the_order_of_their_key() {
    let database = postgres::Database::create("shuffled").await;
    let client = database.client().await;
    client.batch_execute(LARGE).await.unwrap();
    client
        .batch_execute(
            "create table public.s (id bigint primary key, pad text);
             alter table public.s alter pad set storage plain;
             insert into public.s select id, pad from public.t order by md5(id::text);
             create table public.late (id bigint primary key, pad text);
             insert into public.late select id, '' from generate_series(2, 50000) as id;
             insert into public.late values (1, 'comes last');
             create table public.grown (id bigint primary key, pad text);
             alter table public.grown alter pad set storage plain;
             insert into public.grown
                 select id, repeat('z', (id * 7919 % 3000)::integer)
                 from generate_series(1, 40000) as id;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let mut request = request(
        &database.url(),
        &lake,
        &["public.s", "public.late", "public.grown"],
    );
    request.jobs = 2;
    let manifest = run(&request, 0).await;
    let mut parts = all_ids(&lake, &manifest.tables[0]);
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|ids| ids.is_sorted()));
    let mut all = parts.concat();
    all.sort_unstable();
    assert_eq!(all, (1..=25_000).collect::<Vec<i64>>());
    // One row out of order, far behind the first batches.
    parts = all_ids(&lake, &manifest.tables[1]);
    assert_eq!(parts, [(1..=50_000).collect::<Vec<i64>>()]);
    // Rows of many lengths: later, shorter ones fill the gaps of earlier pages.
    let strays = "select count(*) > 100 from (select id < lag(id) over (order by ctid) as is_late \
                  from public.grown) as laid where is_late";
    assert_eq!(printed(&client, strays).await[0][0].as_deref(), Some("t"));
    parts = all_ids(&lake, &manifest.tables[2]);
    assert_eq!(parts, [(1..=40_000).collect::<Vec<i64>>()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_and_inheriting_tables_are_exported_whole() {
    let database = postgres::Database::create("partitions").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.days (id bigint, day date) partition by range (day);
             create table public.days_1 partition of public.days for values from ('2025-01-01') to ('2025-02-01');
             create table public.days_2 partition of public.days for values from ('2025-02-01') to ('2025-03-01') partition by list (id);
             create table public.days_2_odd partition of public.days_2 for values in (1, 3);
             insert into public.days values (2, '2025-01-05'), (1, '2025-02-03'), (3, '2025-02-04');
             create table public.parent (id bigint, pad text);
             create table public.child (more integer) inherits (public.parent);
             alter table public.child alter pad set storage plain;
             insert into public.parent values (1, ''), (2, '');
             insert into public.child select id, repeat('y', 7500), 1 from generate_series(3, 12000) as id;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = run(
        &request(&database.url(), &lake, &["public.days", "public.parent"]),
        0,
    )
    .await;
    let mut days = all_ids(&lake, &manifest.tables[0]).concat();
    days.sort_unstable();
    assert_eq!(days, [1, 2, 3]);
    // The child alone is more than one part, the parent is one of its own.
    let parent = &manifest.tables[1];
    let relations: Vec<&str> = parent
        .parts
        .iter()
        .map(|part| part.pages.as_ref().unwrap().relation.as_str())
        .collect();
    assert_eq!(relations, ["public.child", "public.parent"]);
    let mut ids = all_ids(&lake, parent).concat();
    ids.sort_unstable();
    assert_eq!(ids, (1..=12_000).collect::<Vec<i64>>());
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test(flavor = "multi_thread")]
async fn queries_conditions_columns_and_names_of_any_spelling() {
    let database = postgres::Database::create("wishes").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema \"my schema\";
             create table \"my schema\".\"Odd.\"\"name/Ї\" (\"a b\" bigint primary key, c text);
             insert into \"my schema\".\"Odd.\"\"name/Ї\" values (2, 'two'), (1, 'one'), (3, 'three');
             create table public.plain (id bigint, level integer, secret text);
             insert into public.plain select id, id % 5, 'hidden' from generate_series(1, 10) as id;",
        )
        .await
        .unwrap();
    let odd = "\"my schema\".\"Odd.\"\"name/Ї\"";
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &[odd, "public.plain"]);
    // The query finds its table by the role's own search path, and ends in a comment.
    let query = "select id, level as l from plain where level > 3 order by id -- vip;";
    request.queries = vec![("raw.vip".to_owned(), query.to_owned())];
    request.selections = BTreeMap::from([(
        "public.plain".to_owned(),
        Selection {
            columns: Some(vec!["level".to_owned(), "id".to_owned()]),
            condition: Some("level = 1 or level = 2 -- few".to_owned()),
        },
    )]);
    let manifest = run(&request, 0).await;
    let folders: Vec<&str> = manifest
        .tables
        .iter()
        .map(|table| table.folder.as_str())
        .collect();
    assert_eq!(
        folders,
        [
            "my!20schema/Odd!2E!22name!2F!D0!87",
            "public/plain",
            "raw/vip"
        ]
    );
    let rows: Vec<u64> = manifest.tables.iter().map(|table| table.rows).collect();
    assert_eq!(rows, [3, 4, 2]);
    assert_eq!(all_ids(&lake, &manifest.tables[1]), [[1, 2, 6, 7]]);
    assert_eq!(all_ids(&lake, &manifest.tables[2]), [[4, 9]]);
    assert_eq!(manifest.tables[1].left_out, ["secret"]);
    let names: Vec<&str> = manifest.tables[2]
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["id", "l"]);
    // The condition itself stays out of the manifest.
    let text = std::fs::read_to_string(lake.file("_exports/20250304T101500.000000Z.json")).unwrap();
    assert!(!text.contains("few") && !text.contains("vip;"), "{text}");
    // A table's condition that changes rows is refused by the server.
    request.selections.clear();
    request.queries = vec![(
        "raw.x".to_owned(),
        "with d as (delete from plain returning 1 as one) select one from d".to_owned(),
    )];
    let (exit, text) = failure(export(&request, || at(1), &|_| ()).await);
    assert_eq!(exit, Exit::Store, "{text}");
    assert_eq!(
        printed(&client, "select count(*) from plain").await[0][0].as_deref(),
        Some("10")
    );
}

/// An export that fails in its third part, on a value that has no form in the lake; the
/// value is gone afterwards.
async fn failed(request: &ExportRequest, database: &postgres::Database) {
    let client = database.client().await;
    client
        .batch_execute(
            "alter table public.t add column n numeric(4, 1);
             update public.t set n = 'NaN' where id = 24000",
        )
        .await
        .unwrap();
    let (exit, text) = failure(export(request, || at(0), &|_| ()).await);
    assert_eq!(exit, Exit::Usage);
    assert!(
        text.contains("(id 24000): `NaN` has no decimal form"),
        "{text}"
    );
    client
        .batch_execute("update public.t set n = null where id = 24000")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_export_is_taken_up_where_the_database_proves_unchanged() {
    let database = postgres::Database::alone();
    let client = database.client().await;
    client.batch_execute(LARGE).await.unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.t"]);
    failed(&request, &database).await;
    assert!(
        lake.files().iter().all(|file| !file.ends_with(".parquet")),
        "{:?}",
        lake.files()
    );

    // The first two parts are as they were, the third was changed.
    request.mode = Mode::Resume;
    let manifest = run(&request, 1).await;
    assert_eq!(manifest.export, "20250304T101500.000000Z");
    assert_eq!(
        (manifest.tables[0].stood, manifest.tables[0].parts.len()),
        (2, 3)
    );
    assert!(manifest.is_one_snapshot);
    assert_eq!(
        all_ids(&lake, &manifest.tables[0]).concat(),
        (1..=25_000).collect::<Vec<i64>>()
    );
    assert!(
        lake.files()
            .iter()
            .all(|file| !file.contains("working") && !is_staged(file))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_the_database_has_changed_since_are_read_anew() {
    let database = postgres::Database::alone();
    let client = database.client().await;
    for (change, stood, rows) in [
        ("update public.t set pad = 'y' where id = 1", 1, 25_000),
        ("delete from public.t where id = 2", 1, 24_999),
        ("vacuum full public.t", 0, 25_000),
        ("alter table public.t add column m integer", 0, 25_000),
        ("insert into public.t values (25001)", 2, 25_001),
        ("truncate public.t", 0, 0),
    ] {
        client.batch_execute(LARGE).await.unwrap();
        let lake = Lake::create();
        let mut request = request(&database.url(), &lake, &["public.t"]);
        failed(&request, &database).await;
        client.batch_execute(change).await.unwrap();
        request.mode = Mode::Resume;
        let manifest = run(&request, 1).await;
        let table = &manifest.tables[0];
        assert_eq!((table.stood, table.rows), (stood, rows), "{change}");
        assert!(manifest.is_one_snapshot, "{change}");
        let count: usize = all_ids(&lake, table).iter().map(Vec::len).sum();
        assert_eq!(count as u64, rows, "{change}");
        client.batch_execute("drop table public.t").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_abandoned_export_has_left_goes_and_what_may_be_taken_up_stays() {
    let database = postgres::Database::create("abandoned").await;
    let client = database.client().await;
    let sql = "create table public.t (id bigint primary key)";
    client.batch_execute(sql).await.unwrap();
    let lake = Lake::create();
    // `at(0)` is in the morning of 4 March 2025. The store's own name for a file that is not
    // yet whole ends in `#1`.
    let (old, young) = ("20250101T000000.000000Z", "20250304T100000.000000Z");
    for export in [old, young] {
        let folder = lake.file(&format!("_exports/{export}.working"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("plan.json#1"), "{").unwrap();
    }
    run(&request(&database.url(), &lake, &["public.t"]), 0).await;
    let left = |export: &str| lake.file(&format!("_exports/{export}.working")).exists();
    assert_eq!((left(old), left(young)), (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relaxed_resumption_keeps_what_was_read_and_says_so() {
    let database = postgres::Database::create("relaxed").await;
    let client = database.client().await;
    client.batch_execute(LARGE).await.unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.t"]);
    failed(&request, &database).await;
    client
        .batch_execute("delete from public.t where id = 2")
        .await
        .unwrap();
    request.mode = Mode::ResumeRelaxed;
    let manifest = run(&request, 1).await;
    assert_eq!(
        (manifest.tables[0].stood, manifest.tables[0].rows),
        (2, 25_000)
    );
    assert!(!manifest.is_one_snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_and_repaired() {
    let database = postgres::Database::alone();
    let client = database.client().await;
    client.batch_execute(LARGE).await.unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.t"]);
    let first = run(&request, 0).await;
    let states = |verified: &[touchpath::export::VerifiedTable]| -> Vec<PartState> {
        verified[0].parts.iter().map(|part| part.state).collect()
    };
    let verified = verify(&request).await.unwrap();
    assert_eq!(states(&verified), [PartState::Whole; 3]);
    assert_eq!(verified[0].database_rows, 25_000);

    let parts = &first.tables[0].parts;
    std::fs::remove_file(lake.file(&parts[0].path)).unwrap();
    let mut bytes = std::fs::read(lake.file(&parts[1].path)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(lake.file(&parts[1].path), bytes).unwrap();
    let verified = verify(&request).await.unwrap();
    assert_eq!(
        states(&verified),
        [PartState::Missing, PartState::Changed, PartState::Whole]
    );

    request.mode = Mode::Repair;
    let repaired = run(&request, 1).await;
    assert_eq!(repaired.tables[0].stood, 1);
    assert_eq!(repaired.tables[0].parts[2].path, parts[2].path);
    assert!(repaired.is_one_snapshot);
    assert_eq!(contents(&lake, &repaired).len(), 3);
    assert_eq!(
        all_ids(&lake, &repaired.tables[0]).concat(),
        (1..=25_000).collect::<Vec<i64>>()
    );
    let verified = verify(&request).await.unwrap();
    assert_eq!(states(&verified), [PartState::Whole; 3]);

    // Rows that were there and are not in the file: an export that lost them.
    let manifest = lake.file("_exports/20250304T101501.000000Z.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let rows = repaired.tables[0].parts[2].rows;
    let text = text.replace(
        &format!(
            "\"rows\": {rows},\n          \"bytes\": {}",
            repaired.tables[0].parts[2].bytes
        ),
        &format!(
            "\"rows\": {},\n          \"bytes\": {}",
            rows - 1,
            repaired.tables[0].parts[2].bytes
        ),
    );
    std::fs::write(&manifest, text).unwrap();
    let verified = verify(&request).await.unwrap();
    assert_eq!(states(&verified)[2], PartState::Unreadable);
}
