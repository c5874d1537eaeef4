//! Increments from a real Postgres: what the lake then shows is what the database shows.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use touchpath::error::Exit;
use touchpath::export::{
    ExportError, ExportRequest, Incremental, Overlap, Selection, export, verify,
};
use touchpath::lake::compact::compact;
use touchpath::lake::exports::{self, ExportManifest, PartContent, export_id};
use touchpath::lake::forget::forget;
use touchpath::lake::scan;

use super::increments_lake::query;
use super::{Lake, at, export_at, failure, postgres, request};
use crate::lakes::{assert_same_files, published};
use crate::program::Program;

/// A table of which changes are told by `changed_at`, with three rows of 10:00.
const TABLE: &str = "\
    create schema raw;
    create table raw.t (id integer primary key, name text, changed_at timestamptz);
    insert into raw.t select id, 'name ' || id, '2025-03-04 10:00:00Z'
        from generate_series(1, 3) as id;";

/// Exports what changed, by `changed_at`.
struct Changes<'a> {
    database: &'a postgres::Database,
    lake: &'a Lake,
    incremental: Incremental,
}

impl<'a> Changes<'a> {
    fn of(database: &'a postgres::Database, lake: &'a Lake) -> Self {
        Self {
            database,
            lake,
            incremental: Incremental {
                column: "changed_at".to_owned(),
                overlap: None,
                deletes: false,
            },
        }
    }

    fn overlap(mut self, text: &str) -> Self {
        self.incremental.overlap = Some(Overlap::parse(text).unwrap());
        self
    }

    fn deletes(mut self) -> Self {
        self.incremental.deletes = true;
        self
    }

    fn column(mut self, column: &str) -> Self {
        column.clone_into(&mut self.incremental.column);
        self
    }

    fn request(&self) -> ExportRequest {
        let mut request = request(&self.database.url(), self.lake, &["raw.t"]);
        let incremental = self.incremental.clone();
        request.increments = BTreeMap::from([("raw.t".to_owned(), incremental)]);
        request
    }

    async fn at(&self, second: u32) -> Result<ExportManifest, ExportError> {
        export(&self.request(), || at(second), &|_| ()).await
    }
}

/// The rows of `raw.t` by its key.
async fn all(lake: &Lake) -> Vec<String> {
    query(&lake.location, "select * from raw.t order by 1, 2").await
}

/// Rows of the increment that was exported last.
fn rows_read(manifest: &ExportManifest) -> u64 {
    let table = &manifest.tables[0];
    let newest = table.parts.iter().map(|part| part.generation).max();
    let parts = table
        .parts
        .iter()
        .filter(|part| Some(part.generation) == newest && part.content == PartContent::Rows);
    parts.map(|part| part.rows).sum()
}

#[tokio::test]
async fn a_row_that_is_committed_late_is_lost_without_an_overlap_and_found_with_one() {
    let database = postgres::Database::create("late_commit").await;
    let client = database.client().await;
    client.batch_execute(TABLE).await.unwrap();
    let late = database.client().await;
    // Its change time is set, and the transaction stays open.
    late.batch_execute("begin; insert into raw.t values (4, 'late', '2025-03-04 10:10:00Z')")
        .await
        .unwrap();
    client
        .batch_execute("insert into raw.t values (5, 'early', '2025-03-04 10:12:00Z')")
        .await
        .unwrap();
    let lake = Lake::create();
    export_at(0, &database, &lake, &["raw.t"]).await.unwrap();
    late.batch_execute("commit").await.unwrap();
    client
        .batch_execute("insert into raw.t values (6, 'next', '2025-03-04 10:14:00Z')")
        .await
        .unwrap();

    let without = Changes::of(&database, &lake).overlap("0s");
    let manifest = without.at(1).await.unwrap();
    let ids = "select id from raw.t order by id";
    assert_eq!(query(&lake.location, ids).await, ["1", "2", "3", "5", "6"]);
    // `≥`, so the row of the mark itself came again.
    assert_eq!(rows_read(&manifest), 2);

    let with = Changes::of(&database, &lake).overlap("5min");
    let manifest = with.at(2).await.unwrap();
    assert_eq!(
        query(&lake.location, ids).await,
        ["1", "2", "3", "4", "5", "6"]
    );
    assert_eq!(rows_read(&manifest), 3);
    let record = manifest.tables[0].increment.clone().unwrap();
    assert_eq!(record.since.as_deref(), Some("2025-03-04T10:09:00.000000Z"));
    assert_eq!(
        record.high_water.as_deref(),
        Some("2025-03-04T10:14:00.000000Z")
    );
    assert_eq!(
        (record.column.as_str(), record.overlap.as_str()),
        ("changed_at", "300s")
    );
    assert!(!manifest.is_one_snapshot);
}

#[tokio::test]
async fn the_first_export_is_whole_and_the_change_column_need_not_be_exported() {
    let database = postgres::Database::create("whole_first").await;
    let client = database.client().await;
    client.batch_execute(TABLE).await.unwrap();
    let lake = Lake::create();
    let changes = Changes::of(&database, &lake);
    let mut request = changes.request();
    let columns = Some(vec!["id".to_owned(), "name".to_owned()]);
    request.selections = BTreeMap::from([(
        "raw.t".to_owned(),
        Selection {
            columns,
            condition: Some("id < 100".to_owned()),
        },
    )]);
    let manifest = export(&request, || at(0), &|_| ()).await.unwrap();
    assert!(manifest.is_one_snapshot);
    assert_eq!(rows_read(&manifest), 3);
    let record = manifest.tables[0].increment.clone().unwrap();
    assert_eq!(record.since, None);
    assert_eq!(
        record.high_water.as_deref(),
        Some("2025-03-04T10:00:00.000000Z")
    );
    client
        .batch_execute(
            "insert into raw.t values (7, 'seven', '2025-03-04 12:00:00Z'),
                 (100, 'beyond', '2025-03-04 12:00:00Z'), (8, 'old', '2025-03-04 08:59:59Z'),
                 (9, 'never', null)",
        )
        .await
        .unwrap();
    // An hour's overlap: what was changed at 8:59:59 is not found; what has no time always is.
    let manifest = export(&request, || at(1), &|_| ()).await.unwrap();
    assert_eq!(rows_read(&manifest), 5);
    let expected = ["1 name 1", "2 name 2", "3 name 3", "7 seven", "9 never"];
    assert_eq!(all(&lake).await, expected);
    // Other rows than before would be no increment of them.
    request.selections.clear();
    let (exit, text) = failure(export(&request, || at(2), &|_| ()).await);
    assert_eq!(exit, Exit::Usage);
    assert!(text.contains("another `--where`"), "{text}");
}

#[tokio::test]
async fn a_change_value_of_the_future_is_not_the_mark() {
    let database = postgres::Database::create("future").await;
    let client = database.client().await;
    client.batch_execute(TABLE).await.unwrap();
    client
        .batch_execute("update raw.t set changed_at = '2999-01-01Z' where id = 3")
        .await
        .unwrap();
    // Noted by an export, and found among the rows of one that noted nothing.
    for noted in [true, false] {
        let lake = Lake::create();
        let changes = Changes::of(&database, &lake);
        if noted {
            changes.at(0).await.unwrap();
        } else {
            export_at(0, &database, &lake, &["raw.t"]).await.unwrap();
        }
        let manifest = changes.at(1).await.unwrap();
        let record = manifest.tables[0].increment.clone().unwrap();
        assert_eq!(record.since.as_deref(), Some("2025-03-04T09:00:00.000000Z"));
    }
}

#[tokio::test]
async fn numbers_and_days_tell_changes_too_with_an_overlap_of_their_kind() {
    let database = postgres::Database::create("numbers").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create table raw.t (id uuid primary key default gen_random_uuid(), version bigint,
                 day date, local timestamp, name text);
             insert into raw.t (version, day, local, name) select v, date '2025-01-01' + v,
                 timestamp '2025-01-01 00:00' + v * interval '1 day', 'x'
             from generate_series(1, 20) as v;",
        )
        .await
        .unwrap();
    for (column, overlap, since, rows) in [
        // Versions 15 to 20.
        ("version", "5", "15", 6),
        // From the 21st less two days: 18, 19, 20.
        ("day", "25h", "2025-01-19", 3),
        ("local", "1d", "2025-01-20T00:00:00.000000", 2),
    ] {
        let lake = Lake::create();
        export_at(0, &database, &lake, &["raw.t"]).await.unwrap();
        let changes = Changes::of(&database, &lake)
            .column(column)
            .overlap(overlap);
        for second in [1, 2] {
            let manifest = changes.at(second).await.unwrap();
            let record = manifest.tables[0].increment.clone().unwrap();
            assert_eq!(record.since.as_deref(), Some(since));
            assert_eq!(rows_read(&manifest), rows, "{column}");
        }
        assert_eq!(
            query(&lake.location, "select count(*) from raw.t").await,
            ["20"]
        );
    }
    let lake = Lake::create();
    let changes = Changes::of(&database, &lake);
    let (exit, text) = failure(changes.column("version").at(0).await);
    assert_eq!(exit, Exit::Usage);
    let expected = "error: `raw.t.version` is `bigint`, so the overlap must be a number, \
                    such as `--overlap 1000`";
    assert_eq!(text, expected);
    for (column, text) in [
        (
            "name",
            "`raw.t.name` cannot tell changes: its type is `text`",
        ),
        ("loca", "`raw.t` has no column `loca` to tell changes by"),
    ] {
        let (exit, said) = failure(Changes::of(&database, &lake).column(column).at(0).await);
        assert_eq!(exit, Exit::Usage);
        assert!(said.contains(text), "{said}");
    }
}

#[tokio::test]
async fn without_a_key_there_are_no_increments() {
    let database = postgres::Database::create("no_key").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw; create schema stg;
             create table raw.t (id integer, changed_at timestamptz);
             create table stg.crm_events (id_source bigint, client_id bigint,
                 event_date timestamp, changed_at timestamptz);
             insert into stg.crm_events values (1, 10, '2025-01-01', '2025-01-01Z');",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let (exit, text) = failure(Changes::of(&database, &lake).at(0).await);
    assert_eq!(exit, Exit::Usage);
    assert!(
        text.starts_with("error: `raw.t` has no primary key"),
        "{text}"
    );
    // A key of the contract serves as long as it is one.
    let mut request = request(&database.url(), &lake, &["stg.crm_events"]);
    let incremental = Changes::of(&database, &lake).incremental;
    request.increments = BTreeMap::from([("stg.crm_events".to_owned(), incremental)]);
    for second in [0, 1] {
        let manifest = export(&request, || at(second), &|_| ()).await.unwrap();
        assert_eq!(manifest.tables[0].key, ["id_source"]);
    }
    for repeated in [
        "(1, 11, '2025-01-02', '2025-01-02Z')",
        "(null, 1, '2025-01-02', null)",
    ] {
        let insert = format!("insert into stg.crm_events values {repeated}");
        client.batch_execute(&insert).await.unwrap();
        let (exit, text) = failure(export(&request, || at(2), &|_| ()).await);
        assert_eq!(exit, Exit::Usage);
        assert!(
            text.contains("`id_source` is null or stands on several rows"),
            "{text}"
        );
        client
            .batch_execute("delete from stg.crm_events where changed_at is null or client_id = 11")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_changed_key_is_a_new_row_and_with_deletes_the_old_one_goes() {
    let database = postgres::Database::create("key_change").await;
    let client = database.client().await;
    client.batch_execute(TABLE).await.unwrap();
    let lake = Lake::create();
    Changes::of(&database, &lake).at(0).await.unwrap();
    client
        .batch_execute("update raw.t set id = 30, changed_at = '2025-03-04 11:00Z' where id = 3")
        .await
        .unwrap();
    Changes::of(&database, &lake).at(1).await.unwrap();
    let ids = "select id from raw.t order by id";
    assert_eq!(query(&lake.location, ids).await, ["1", "2", "3", "30"]);
    // The old key's row is still in the lake, and it is no second row of the new one.
    let compared = async || {
        let verified = verify(&request(&database.url(), &lake, &["raw.t"])).await;
        let table = verified.unwrap().remove(0);
        (table.rows, table.database_rows)
    };
    assert_eq!(compared().await, (4, 3));
    let manifest = Changes::of(&database, &lake).deletes().at(2).await.unwrap();
    assert_eq!(query(&lake.location, ids).await, ["1", "2", "30"]);
    assert_eq!(compared().await, (3, 3));
    let parts = &manifest.tables[0].parts;
    let deleted = parts
        .iter()
        .find(|part| part.content == PartContent::DeletedKeys);
    let deleted = deleted.unwrap();
    assert_eq!((deleted.rows, deleted.generation), (1, 2));
    let named = exports::part_name(&export_id(at(2)), 0);
    assert_eq!(deleted.path, format!("raw/t/_deleted/{named}"));
    // Nothing gone, no file.
    let manifest = Changes::of(&database, &lake).deletes().at(3).await.unwrap();
    let parts = &manifest.tables[0].parts;
    let of_third = parts.iter().filter(|part| part.generation == 3);
    assert_eq!(of_third.count(), 1);
    assert!(!lake.files().iter().any(|file| file.contains("/_part-")));
}

#[tokio::test]
async fn a_column_that_came_later_or_grew_wider_is_read_as_one_table() {
    let database = postgres::Database::create("drift").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create table raw.t (id smallint primary key, share real, amount numeric(5,2),
                 name varchar(10), changed_at timestamptz);
             insert into raw.t values (1, 0.1, 1.25, 'one', '2025-03-04 10:00Z'),
                 (2, 0.2, 2.5, 'two', '2025-03-04 10:00Z'), (3, null, null, null, null);",
        )
        .await
        .unwrap();
    let (lake, whole) = (Lake::create(), Lake::create());
    Changes::of(&database, &lake).at(0).await.unwrap();
    client
        .batch_execute(
            "alter table raw.t alter id type bigint, alter share type double precision,
                 alter amount type numeric(8,3), alter name type text, add note text;
             update raw.t set note = 'new', amount = 10000.125, id = 3000000000,
                 changed_at = '2025-03-04 11:00Z' where id = 2;",
        )
        .await
        .unwrap();
    let manifest = Changes::of(&database, &lake).deletes().at(1).await.unwrap();
    assert_eq!(
        manifest.tables[0].increment.clone().unwrap().added,
        ["note"]
    );
    export_at(1, &database, &whole, &["raw.t"]).await.unwrap();
    let all_types = "select * , arrow_typeof(id), arrow_typeof(share), arrow_typeof(amount)
                     from raw.t order by id";
    let expected = query(&whole.location, all_types).await;
    assert_eq!(query(&lake.location, all_types).await, expected);
    // As Postgres casts: 0.1 as real is not 0.1 as double precision.
    assert!(
        expected[0].starts_with("1 0.10000000149011612 1.250 one"),
        "{expected:?}"
    );
    fold(&lake, 2).await;
    assert_same_file(&lake, &whole).await;
}

#[tokio::test]
async fn a_column_that_went_or_narrowed_stops_before_anything_is_read() {
    for (number, (change, text)) in [
        (
            "drop name",
            "`raw.t.name` (text) is in the lake and would no longer be exported",
        ),
        (
            "alter id type smallint",
            "`raw.t.id` is `smallint` now and was `integer`, which does not fit into it",
        ),
        (
            "alter name type varchar(20)",
            "`raw.t.name` is `character varying(20)` now and was `text`",
        ),
        (
            "alter changed_at type date",
            "`raw.t.changed_at` is `date` now and was `timestamp with time zone`",
        ),
        (
            "drop constraint t_pkey, add primary key (name)",
            "the key of `raw.t` is `name` now and was `id`",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let database = postgres::Database::create(&format!("narrowed_{number}")).await;
        let client = database.client().await;
        client.batch_execute(TABLE).await.unwrap();
        let lake = Lake::create();
        Changes::of(&database, &lake).at(0).await.unwrap();
        let alter = format!("alter table raw.t {change}");
        client.batch_execute(&alter).await.unwrap();
        let before = lake.files();
        let (exit, said) = failure(Changes::of(&database, &lake).at(1).await);
        assert_eq!(exit, Exit::Usage, "{said}");
        assert!(said.contains(text), "{said}");
        let hint = "\n\nhint: export the table whole, without `--incremental`";
        assert!(said.ends_with(hint), "{said}");
        assert_eq!(lake.files(), before);
        // The remedy.
        export_at(2, &database, &lake, &["raw.t"]).await.unwrap();
    }
}

async fn fold(lake: &Lake, second: u32) {
    let session = scan::session(128 << 20, 2).unwrap();
    let folded = compact(&session, &lake.location, "raw.t", || at(second)).await;
    folded.unwrap();
}

/// The single files of two lakes are the same bytes.
async fn assert_same_file(left: &Lake, right: &Lake) {
    let mut files = Vec::new();
    for lake in [left, right] {
        let newest = exports::newest(&lake.location).await.unwrap();
        let parts = &newest["raw/t"].1.parts;
        assert_eq!(parts.len(), 1, "{parts:?}");
        files.push(std::fs::read(lake.file(&parts[0].path)).unwrap());
    }
    assert!(files[0] == files[1], "the files differ");
}

#[tokio::test]
async fn columns_of_many_types_fold_to_the_bytes_of_a_whole_export() {
    let database = postgres::Database::create("many_types").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create type raw.pair as (a integer, b text);
             create table raw.t (region text, code uuid, body jsonb, tags text[], ids uuid[],
                 amount numeric(40,3), big bytea, span int4range, pair raw.pair, at time,
                 wait interval, changed_at timestamptz not null, primary key (region, code));
             insert into raw.t select 'r' || n % 3, md5(n::text)::uuid,
                 jsonb_build_object('n', n), array['a', null, n::text],
                 array[md5(n::text)::uuid], n * 1.125, ('\\x' || md5(n::text))::bytea,
                 int4range(n, n + 5), row(n, 'x'::text)::raw.pair, time '10:00', interval '1 day',
                 timestamptz '2025-03-04 10:00Z' from generate_series(1, 2000) as n;",
        )
        .await
        .unwrap();
    let (lake, whole) = (Lake::create(), Lake::create());
    Changes::of(&database, &lake).at(0).await.unwrap();
    for second in [1, 2] {
        client
            .batch_execute(&format!(
                "update raw.t set tags = array['new'], pair = row(null::integer, '{second}'::text)::raw.pair,
                     changed_at = timestamptz '2025-03-04 10:00Z' + interval '{second} h'
                 where get_byte(big, 0) % 5 = {second};
                 delete from raw.t where get_byte(big, 1) % 7 = {second};
                 insert into raw.t (region, code, changed_at)
                 values ('я', md5('new{second}')::uuid, '2025-03-04 12:30Z')"
            ))
            .await
            .unwrap();
        Changes::of(&database, &lake)
            .deletes()
            .at(second)
            .await
            .unwrap();
    }
    export_at(3, &database, &whole, &["raw.t"]).await.unwrap();
    assert!(all(&lake).await == all(&whole).await, "the lakes differ");
    fold(&lake, 4).await;
    assert_same_file(&lake, &whole).await;
    // And it goes on from there.
    let manifest = Changes::of(&database, &lake).deletes().at(5).await.unwrap();
    assert_eq!(
        manifest.tables[0]
            .increment
            .clone()
            .unwrap()
            .since
            .as_deref(),
        Some("2025-03-04T11:30:00.000000Z")
    );
    assert!(all(&lake).await == all(&whole).await, "the lakes differ");
}

/// Statements that change a table of the key `(region, id)`, as an application would: every
/// change sets `changed_at`, some of them late.
fn statements(rng: &mut ChaCha8Rng, clock: &mut u32) -> String {
    let mut sql = String::new();
    for _ in 0..rng.random_range(0..12) {
        *clock += rng.random_range(0..60);
        // Up to half an hour before the newest change, and now and then without a time.
        let behind = rng.random_range(0..1800_u32).min(*clock) * rng.random_range(0..2);
        let time = if rng.random_range(0..10) == 0 {
            "null".to_owned()
        } else {
            let seconds = *clock - behind;
            format!("timestamptz '2025-03-04 00:00Z' + {seconds} * interval '1 s'")
        };
        let region = *["", "a", "b'", "ß"].choose(rng).unwrap();
        let region = region.replace('\'', "''");
        let (id, other) = (rng.random_range(0..12), rng.random_range(0..12));
        let key = format!("region = '{region}' and id = {id}");
        let statement = match rng.random_range(0..10) {
            0..=4 => format!(
                "insert into raw.t values ('{region}', {id}, {other}, {time})
                 on conflict (region, id) do update set value = {other}, changed_at = {time};"
            ),
            5 | 6 => {
                format!("update raw.t set value = value + 1, changed_at = {time} where {key};")
            }
            7 | 8 => format!("delete from raw.t where {key};"),
            _ => format!(
                "update raw.t set id = {other}, changed_at = {time} where {key} and not exists
                     (select from raw.t where region = '{region}' and id = {other});"
            ),
        };
        sql.push_str(&statement);
    }
    sql
}

#[tokio::test]
async fn after_any_changes_the_lake_shows_what_a_whole_export_would() {
    let database = postgres::Database::create("any_changes").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create table raw.t (region text, id integer, value integer, changed_at timestamptz,
                 primary key (region, id));",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut clock, mut second) = (0, 0);
    let mut folded = 0;
    for round in 0..40 {
        let sql = statements(&mut rng, &mut clock);
        client.batch_execute(&sql).await.unwrap();
        let mut changes = Changes::of(&database, &lake);
        changes.incremental.deletes = rng.random_range(0..3) > 0;
        changes.at(second).await.unwrap();
        second += 1;
        let whole = Lake::create();
        export_at(0, &database, &whole, &["raw.t"]).await.unwrap();
        let (seen, expected) = (all(&lake).await, all(&whole).await);
        if changes.incremental.deletes {
            assert_eq!(seen, expected, "round {round}: {sql}");
        } else {
            // Rows that are gone may still be there; all others are as they are.
            let missing: Vec<_> = expected.iter().filter(|row| !seen.contains(row)).collect();
            assert!(missing.is_empty(), "round {round}: {missing:?} of {sql}");
            let keys = query(&lake.location, "select distinct region, id from raw.t").await;
            assert_eq!(keys.len(), seen.len(), "round {round}");
        }
        if rng.random_range(0..6) == 0 {
            fold(&lake, second).await;
            second += 1;
            folded += 1;
            assert_eq!(all(&lake).await, seen, "round {round}, folded");
        }
        assert!(second < 60);
    }
    assert!(folded > 3);
    assert!(all(&lake).await.len() > 10);
}

#[tokio::test]
async fn a_forgotten_client_is_in_no_version_and_among_no_deleted_keys() {
    let database = postgres::Database::create("forget_increments").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema stg;
             create table stg.crm_events (id_source bigint primary key, client_id bigint,
                 event_date timestamp, updated_at timestamp);
             insert into stg.crm_events select n, 10 + n % 2, '2025-01-01', '2025-01-01'
                 from generate_series(1, 6) as n;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["stg.crm_events"]);
    let changes = Changes::of(&database, &lake).column("updated_at").deletes();
    request.increments = BTreeMap::from([("stg.crm_events".to_owned(), changes.incremental)]);
    export(&request, || at(0), &|_| ()).await.unwrap();
    client
        .batch_execute(
            "update stg.crm_events set event_date = '2025-02-02', updated_at = '2025-02-02'
                 where id_source in (1, 2);
             delete from stg.crm_events where id_source in (3, 4);",
        )
        .await
        .unwrap();
    export(&request, || at(1), &|_| ()).await.unwrap();
    let shown = "select id_source, client_id from stg.crm_events order by 1";
    assert_eq!(
        query(&lake.location, shown).await,
        ["1 11", "2 10", "5 11", "6 10"]
    );
    forget(10, &lake.location, &lake.location, || at(2))
        .await
        .unwrap();
    assert_eq!(query(&lake.location, shown).await, ["1 11", "5 11"]);
    // Even numbers are the client's, in whichever file.
    let files = lake.files().into_iter();
    let files: Vec<String> = files.filter(|file| file.ends_with(".parquet")).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let reader = std::fs::File::open(lake.file(&file)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(reader).unwrap();
        for batch in reader.build().unwrap() {
            let batch = batch.unwrap();
            let ids = batch.column_by_name("id_source").unwrap();
            let ids = ids.as_primitive::<Int64Type>();
            assert!(ids.values().iter().all(|id| id % 2 == 1), "{file}: {ids:?}");
        }
    }
}

/// Runs the binary, which must succeed.
fn succeed(program: &Program, arguments: &[&str]) {
    let said = program.run(arguments);
    assert!(said.starts_with("exit: 0\n"), "{arguments:?}\n{said}");
}

#[tokio::test]
async fn a_run_over_increments_gives_the_bytes_of_one_over_a_whole_export() {
    let database = postgres::Database::create("run_increments").await;
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    succeed(&program, &["demo", "--postgres", &database.url()]);
    let client = database.client().await;
    client
        .batch_execute(
            "alter table raw.itcrm_docs_clients add primary key (contract_id);
             alter table stg.crm_events add updated_at timestamptz default now();
             alter table stg.source_attribution add updated_at timestamptz default now();
             alter table stg.marketing_match add updated_at timestamptz default now();
             alter table raw.itcrm_docs_clients add updated_at timestamptz default now();",
        )
        .await
        .unwrap();
    let increment = [
        "export",
        "--incremental",
        "updated_at",
        "--deletes",
        "--overlap",
        "0s",
    ];
    let lakes = |lake| [&increment[..], &["--lake", lake]].concat();
    succeed(&program, &lakes("lake"));
    for (number, change) in [
        "update stg.crm_events set event_date = event_date - interval '3 days',
             updated_at = now() where id_source % 7 = 0;
         delete from stg.crm_events where id_source % 31 = 0;
         delete from raw.itcrm_docs_clients where contract_id % 17 = 0;",
        "update raw.itcrm_docs_clients set total_cost_of_the_contract = 1234.56,
             updated_at = now() where contract_id % 5 = 0;
         insert into stg.crm_events (id_source, client_id, event_date, updated_at)
             select -id_source, client_id, event_date + interval '1 h', now()
             from stg.crm_events where id_source % 11 = 0;",
    ]
    .into_iter()
    .enumerate()
    {
        client.batch_execute(change).await.unwrap();
        succeed(&program, &lakes("lake"));
        let whole = format!("whole{number}");
        succeed(&program, &["export", "--lake", &whole]);
        let mut results = Vec::new();
        for lake in ["lake", &whole] {
            let out = format!("out-{number}-{lake}");
            succeed(&program, &["run", "--lake", lake, "--out", &out]);
            results.push(published(&program.folder().join(out)));
        }
        assert_same_files(&results[0], &results[1], "increments and a whole export");
    }
    succeed(&program, &["compact", "--lake", "lake"]);
    succeed(&program, &["run", "--lake", "lake", "--out", "out-folded"]);
    assert_same_files(
        &published(&program.folder().join("out-folded")),
        &published(&program.folder().join("out-1-whole1")),
        "folded increments and a whole export",
    );
}
