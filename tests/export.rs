//! The export against a real Postgres: values, snapshot, failures, replacement.

#[path = "support/postgres.rs"]
mod postgres;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, TimeZone, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use tokio_postgres::SimpleQueryMessage;
use touchpath::error::{Exit, Failure};
use touchpath::export::{Database, ExportError, ExportRequest, Progress, UrlSource, export};
use touchpath::lake::exports::{self, ExportManifest};
use touchpath::schema::{CRM_EVENTS, Table};
use touchpath::storage::{Location, ParquetFile, StoreOptions, WriteSettings};

/// A lake in a folder of its own.
struct Lake {
    folder: tempfile::TempDir,
    location: Location,
}

impl Lake {
    fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        Self { folder, location }
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Every file below the lake, staged ones included.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(
                        path.strip_prefix(root)
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .to_owned(),
                    );
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }
}

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 3, 4, 10, 15, second).unwrap()
}

fn request(url: &str, lake: &Lake, tables: &[&str]) -> ExportRequest {
    ExportRequest {
        database: Database::parse(url, UrlSource::Argument, None).unwrap(),
        tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        lake: lake.location.clone(),
    }
}

/// Exports at second `second` of the tests' clock.
async fn export_at(
    second: u32,
    database: &postgres::Database,
    lake: &Lake,
    tables: &[&str],
) -> Result<ExportManifest, ExportError> {
    export(
        &request(&database.url(), lake, tables),
        || at(second),
        &|_| (),
    )
    .await
}

/// The command line's view of an error: exit code and text.
fn failure(outcome: Result<ExportManifest, ExportError>) -> (Exit, String) {
    let failure = Failure::from(outcome.unwrap_err());
    (failure.exit, failure.to_string())
}

/// Rows as Postgres prints them.
async fn printed(client: &tokio_postgres::Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| {
        (0..row.len())
            .map(|column| row.get(column).map(str::to_owned))
            .collect()
    })
    .collect()
}

/// Column, type, type in pyarrow's words, values as SQL literals.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const CASES: &[Case] = &[
    ("i2", "smallint", "int16", &["-32768", "32767", "0"]),
    ("i4", "integer", "int32", &["-2147483648", "2147483647"]),
    (
        "i8",
        "bigint",
        "int64",
        &["-9223372036854775808", "9223372036854775807"],
    ),
    (
        "f4",
        "real",
        "float",
        &["'-0'", "3.4028235e38", "1e-45", "'NaN'", "'-Infinity'"],
    ),
    (
        "f8",
        "double precision",
        "double",
        &["0.1", "1.7976931348623157e308", "5e-324", "'-0'"],
    ),
    ("flag", "boolean", "bool", &["true", "false"]),
    (
        "t",
        "text",
        "string",
        &[
            "''",
            "' '",
            "'Київ, ґанок'",
            "e'a\\tb\\nc\\\\d'",
            "'😀'",
            "repeat('x', 100000)",
        ],
    ),
    ("v", "varchar(10)", "string", &["''", "'0123456789'"]),
    ("c", "char(4)", "string", &["'ab'", "''"]),
    (
        "n38",
        "numeric(38,0)",
        "decimal128(38, 0)",
        &[
            "99999999999999999999999999999999999999",
            "-99999999999999999999999999999999999999",
            "-0",
            "10000",
        ],
    ),
    (
        "n38_10",
        "numeric(38,10)",
        "decimal128(38, 10)",
        &[
            "9999999999999999999999999999.9999999999",
            "-0.0000000001",
            "0.5",
            "100000000",
        ],
    ),
    (
        "n38_38",
        "numeric(38,38)",
        "decimal128(38, 38)",
        &[
            "0.99999999999999999999999999999999999999",
            "-0.00000000000000000000000000000000000001",
        ],
    ),
    (
        "n12_2",
        "numeric(12,2)",
        "decimal128(12, 2)",
        &[
            "-0.00",
            "0.01",
            "-9999999999.99",
            "1234.5",
            "10000",
            "0.005",
        ],
    ),
    ("n1", "numeric(1)", "decimal128(1, 0)", &["9", "-9"]),
    (
        "d",
        "date",
        "date32[day]",
        &[
            "'1970-01-01'",
            "'1969-12-31'",
            "'2024-02-29'",
            "'0044-03-15 BC'",
            "'4713-01-01 BC'",
            "'9999-12-31'",
            "'0001-01-01'",
        ],
    ),
    (
        "ts",
        "timestamp",
        "timestamp[us]",
        &[
            "'2024-03-31 03:30:00.123456'",
            "'1999-12-31 23:59:59.999999'",
            "'0044-03-15 12:00:00.5 BC'",
            "'294246-12-31 23:59:59.999999'",
            "'1970-01-01'",
        ],
    ),
    (
        "tz",
        "timestamptz",
        "timestamp[us, tz=UTC]",
        &[
            "'2024-03-31 03:30:00.000001+03'",
            "'1900-01-01 00:00:00-11:30'",
        ],
    ),
    (
        "js",
        "json",
        "string",
        &["'{\"b\": 1,  \"a\": [null, \"ґ\"]}'"],
    ),
    (
        "jb",
        "jsonb",
        "string",
        &[
            "'{\"b\": 1,  \"a\": [null, \"ґ\"]}'",
            "'null'",
            "'\"\"'",
            "'1.10'",
        ],
    ),
    (
        "u",
        "uuid",
        "string",
        &[
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
            "'00000000-0000-0000-0000-000000000000'",
        ],
    ),
];

/// Creates `raw.every_type`: row `i` holds value `i` of every column, null after the last.
async fn create_every_type(client: &tokio_postgres::Client) {
    let columns: Vec<String> = CASES
        .iter()
        .map(|(name, kind, ..)| format!("{name} {kind}"))
        .collect();
    let ddl = format!(
        "create table raw.every_type (id integer primary key, {})",
        columns.join(", ")
    );
    client.batch_execute("create schema raw").await.unwrap();
    client.batch_execute(&ddl).await.unwrap();
    let longest = CASES.iter().map(|case| case.3.len()).max().unwrap();
    // The last rows first, so that the export has something to put in order.
    for row in (0..=longest).rev() {
        let values: Vec<&str> = CASES
            .iter()
            .map(|case| case.3.get(row).copied().unwrap_or("null"))
            .collect();
        let sql = format!(
            "insert into raw.every_type values ({row}, {})",
            values.join(", ")
        );
        client.batch_execute(&sql).await.unwrap();
    }
}

/// The Python that has DuckDB and pyarrow.
fn python() -> std::ffi::OsString {
    std::env::var_os("TOUCHPATH_PYTHON").unwrap_or_else(|| "python3".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_reads_back_in_duckdb_as_postgres_prints_it() {
    let database = postgres::Database::create("every_type").await;
    let client = database.client().await;
    create_every_type(&client).await;
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["raw.every_type"])
        .await
        .unwrap();
    assert_eq!(manifest.tables[0].rows, 8);

    client.batch_execute("set timezone = 'UTC'").await.unwrap();
    let rows = printed(&client, "select * from raw.every_type order by id").await;
    let names = std::iter::once(("id", "int32")).chain(CASES.iter().map(|case| (case.0, case.2)));
    let expected: serde_json::Map<String, serde_json::Value> = names
        .enumerate()
        .map(|(index, (name, kind))| {
            let values: Vec<&Option<String>> = rows.iter().map(|row| &row[index]).collect();
            (
                name.to_owned(),
                serde_json::json!({ "type": kind, "values": values }),
            )
        })
        .collect();
    let expected_path = lake.file("expected.json");
    std::fs::write(&expected_path, serde_json::to_vec(&expected).unwrap()).unwrap();
    let output = Command::new(python())
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/read_back.py"
        ))
        .arg(lake.file("raw/every_type/part-00000.parquet"))
        .arg(expected_path)
        .output()
        .expect("python runs; TOUCHPATH_PYTHON names one with duckdb and pyarrow");
    assert!(
        output.status.success(),
        "{}{}\n(TOUCHPATH_PYTHON names a Python with duckdb and pyarrow)",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_without_an_exact_form_stops_before_any_row_is_read() {
    let database = postgres::Database::create("refused_types").await;
    let client = database.client().await;
    client
        .batch_execute("create domain public.money_of_ours as numeric(9,2)")
        .await
        .unwrap();
    let lake = Lake::create();
    let types = [
        "interval",
        "numeric",
        "numeric(39,0)",
        "text[]",
        "public.money_of_ours",
        "bytea",
    ];
    for (index, kind) in types.into_iter().enumerate() {
        let table = format!("public.t{index}");
        client
            .batch_execute(&format!(
                "create table {table} (id integer primary key, \"Odd\" {kind})"
            ))
            .await
            .unwrap();
        let (exit, text) = failure(export_at(0, &database, &lake, &[&table]).await);
        assert_eq!(exit, Exit::Usage, "{text}");
        let first =
            format!("error: `{table}.Odd` cannot be exported exactly: its type is `{kind}`");
        assert!(text.starts_with(&first), "{text}");
        assert!(
            text.contains("\n\nhint: export a view that casts the column to "),
            "{text}"
        );
    }
    assert_eq!(lake.files(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_without_an_exact_form_is_named_and_earlier_files_stand() {
    let database = postgres::Database::create("refused_values").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.good (id integer primary key);
             insert into public.good values (1);
             create table public.bad (
                 id integer primary key, n numeric(9,2), d date, t timestamp, z timestamptz);
             insert into public.bad (id) select generate_series(1, 50000);",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let tables = ["public.good", "public.bad"];
    export_at(0, &database, &lake, &tables).await.unwrap();
    let files = lake.files();
    let before: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(lake.file(file)).unwrap())
        .collect();
    client
        .batch_execute("insert into public.good values (2)")
        .await
        .unwrap();
    let cases = [
        ("n", "'NaN'", "`NaN` has no decimal form"),
        ("d", "'infinity'", "`infinity` has no finite form"),
        ("d", "'-infinity'", "`infinity` has no finite form"),
        ("t", "'-infinity'", "`infinity` has no finite form"),
        (
            "t",
            "'294276-12-31'",
            "the value does not fit into Timestamp(µs)",
        ),
        ("z", "'infinity'", "`infinity` has no finite form"),
    ];
    for (column, value, problem) in cases {
        client
            .batch_execute(&format!(
                "update public.bad set n = null, d = null, t = null, z = null where id = 40123;
                 update public.bad set {column} = {value} where id = 40123"
            ))
            .await
            .unwrap();
        let (exit, text) = failure(export_at(1, &database, &lake, &tables).await);
        assert_eq!(exit, Exit::Usage, "{text}");
        let first = format!("error: `public.bad.{column}`, row 40123: {problem}\n");
        assert!(text.starts_with(&first), "{text}");
        assert_eq!(lake.files(), files, "{value}");
        for (file, before) in files.iter().zip(&before) {
            assert_eq!(&std::fs::read(lake.file(file)).unwrap(), before, "{file}");
        }
    }
}

fn ddl(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.kind.postgres()))
        .collect();
    format!(
        "create table {} ({}, primary key (id_source))",
        table.qualified(),
        columns.join(", ")
    )
}

/// Two events, in the contract's columns, with nullable fields.
fn two_events() -> RecordBatch {
    let fields: Vec<Field> = CRM_EVENTS
        .columns
        .iter()
        .map(|column| Field::new(column.name, column.kind.arrow(), true))
        .collect();
    let amounts = Decimal128Array::from(vec![Some(1_234_567_890_12), None]);
    // 2025-01-02 is day 20090 of 1970; 03:04:05.000006 is 11045000006 µs of it.
    let moments = vec![20_090 * 86_400_000_000 + 11_045_000_006, 0];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![-1, 7])),
        Arc::new(Int64Array::from(vec![Some(5), None])),
        Arc::new(TimestampMicrosecondArray::from(moments)),
        Arc::new(Int32Array::from(vec![None, Some(3)])),
        Arc::new(StringArray::from(vec![Some("Дзвінок"), Some("")])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(BooleanArray::from(vec![Some(false), None])),
        Arc::new(BooleanArray::from(vec![None::<bool>, None])),
        Arc::new(amounts.with_precision_and_scale(12, 2).unwrap()),
        Arc::new(Date32Array::from(vec![Some(20_090), None])),
        Arc::new(Int64Array::from(vec![None, Some(i64::MAX)])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_contract_lands_as_its_rows_written_directly() {
    let database = postgres::Database::create("contract").await;
    let client = database.client().await;
    client.batch_execute("create schema stg").await.unwrap();
    client.batch_execute(&ddl(&CRM_EVENTS)).await.unwrap();
    client
        .batch_execute(
            "alter table stg.crm_events alter client_id drop not null;
             insert into stg.crm_events values
             (7, null, '1970-01-01', 3, '', null, null, null, null, null, 9223372036854775807),
             (-1, 5, '2025-01-02 03:04:05.000006', null, 'Дзвінок', true, false, null,
              1234567890.12, '2025-01-02', null)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["stg.crm_events"])
        .await
        .unwrap();
    assert_eq!(manifest.tables[0].ordered_by, ["id_source"]);

    let rows = two_events();
    let mut direct = ParquetFile::create(
        &lake.location,
        "direct",
        &rows.schema(),
        WriteSettings::default(),
    )
    .unwrap();
    direct.write(rows).await.unwrap();
    direct.finish().await.unwrap();
    let exported = std::fs::read(lake.file("stg/crm_events/part-00000.parquet")).unwrap();
    assert!(exported == std::fs::read(lake.file("direct")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_contract_gives_only_the_contracts_columns() {
    let database = postgres::Database::create("allow_list").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create table raw.itcrm_docs_clients (
                 passport text, currentdate date, contract_id bigint, id_source bigint,
                 total_cost_of_the_contract numeric(18,2));
             insert into raw.itcrm_docs_clients values
                 ('KM 123456', '2025-01-02', 9, 1, 10.00), ('KM 654321', null, 4, 2, 0);
             create schema stg;
             create table stg.source_attribution (
                 utm_source varchar(200), email text, id_source bigint primary key);",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let tables = ["raw.itcrm_docs_clients", "stg.source_attribution"];
    let manifest = export_at(0, &database, &lake, &tables).await.unwrap();
    let [documents, sources] = &manifest.tables[..] else {
        panic!("{manifest:?}")
    };
    let names: Vec<&str> = documents
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "contract_id",
            "id_source",
            "currentdate",
            "total_cost_of_the_contract"
        ]
    );
    assert_eq!(documents.columns[3].postgres, "numeric(18,2)");
    assert_eq!(documents.columns[3].arrow, "Decimal128(18, 2)");
    assert_eq!(documents.left_out, ["passport"]);
    // No primary key: the contract's key orders the rows.
    assert_eq!(documents.ordered_by, ["contract_id"]);
    let names: Vec<&str> = sources
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["id_source", "utm_source"]);
    assert_eq!(sources.left_out, ["email"]);
    assert_eq!(
        sources.absent,
        [
            "source_type",
            "utm_medium",
            "utm_campaign",
            "utm_content",
            "utm_term",
            "fbclid",
            "gclid"
        ]
    );
    for file in lake.files() {
        let bytes = std::fs::read(lake.file(&file)).unwrap();
        assert!(
            !bytes.windows(3).any(|window| window == b"KM "),
            "{file} holds a passport"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_or_column_is_named_with_its_nearest() {
    let database = postgres::Database::create("missing").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema stg; create table stg.crm_events (id_sorce bigint, client_id bigint)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let database_name = Database::parse(&database.url(), UrlSource::Argument, None).unwrap();
    let missing = failure(export_at(0, &database, &lake, &["stg.crm_event"]).await);
    let text = format!(
        "error: `{database_name}` has no table `stg.crm_event`\n\nhint: did you mean `stg.crm_events`?"
    );
    assert_eq!(missing, (Exit::Usage, text));
    let missing = failure(export_at(0, &database, &lake, &["stg.crm_events"]).await);
    let text = "error: `stg.crm_events` has no column `id_source`, which a run needs; it has \
                `id_sorce`, `client_id`\n\nhint: did you mean `id_sorce`?";
    assert_eq!(missing, (Exit::Usage, text.to_owned()));
    assert_eq!(lake.files(), [""; 0]);
}

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
        "public/t/_part-00000.1.part",
        "public/t.parquet",
    ];
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
        ["public/t/part-00001.parquet", "public/t.parquet"]
    );
    assert_eq!(
        lake.files(),
        [
            "_exports/20250304T101500.000000Z.json",
            "_exports/20250304T101501.000000Z.json",
            "public/t/part-00000.parquet",
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
            ..
        } = *progress;
        seen.lock()
            .unwrap()
            .push((table.to_owned(), rows, estimated_rows));
    };
    let request = request(&database.socket_url(), &lake, &["public.t", "public.none"]);
    let manifest = export(&request, || at(0), &note).await.unwrap();
    for (table, rows) in manifest.tables.iter().zip([20_000, 0]) {
        let path = lake.file(&table.files[0].path);
        let size = std::fs::metadata(&path).unwrap().len();
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), rows);
        let rows = u64::try_from(rows).unwrap();
        assert_eq!((table.rows, table.files[0].rows), (rows, rows));
        assert_eq!((table.bytes, table.files[0].bytes), (size, size));
    }
    let seen = seen.into_inner().unwrap();
    let of_t = |rows| ("public.t".to_owned(), rows, Some(20_000));
    assert_eq!(
        seen,
        [
            of_t(8192),
            of_t(16_384),
            of_t(20_000),
            ("public.none".to_owned(), 0, None)
        ]
    );
    let version = &printed(&client, "show server_version").await[0][0];
    assert_eq!(Some(&manifest.server_version), version.as_ref());
    assert!(
        manifest.snapshot.split(':').count() == 3,
        "{}",
        manifest.snapshot
    );
}

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
        assert_eq!(printed(&client, sql).await, [[Some("t".to_owned())]]);
    };
    let (outcome, ()) = tokio::join!(export(&request, || at(0), &note), cut);
    let (exit, text) = failure(outcome);
    assert_eq!(exit, Exit::Store, "{text}");
    assert!(
        text.starts_with("error: cannot read from `postgres@127.0.0.1:"),
        "{text}"
    );
    assert_eq!(lake.files(), [""; 0]);
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
        let request = ExportRequest {
            database: Database::parse(&url, UrlSource::Settings, Some("s3cret")).unwrap(),
            tables: vec!["public.t".to_owned()],
            lake: lake.location.clone(),
        };
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

/// Exports `public.t` in a process that trusts the authorities in `roots`.
fn export_trusting(roots: &Path, url: &str, lake: &Lake) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tls_client", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", roots)
        .env("TLS_CLIENT_URL", url)
        .env("TLS_CLIENT_LAKE", lake.folder.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "the process that `tls_verifies_the_server` starts"]
async fn tls_client() {
    let variable = |name| std::env::var_os(name).unwrap().into_string().unwrap();
    let request = ExportRequest {
        database: Database::parse(&variable("TLS_CLIENT_URL"), UrlSource::Settings, None).unwrap(),
        tables: vec!["public.t".to_owned()],
        lake: Location::open(&variable("TLS_CLIENT_LAKE"), &StoreOptions::default()).unwrap(),
    };
    match export(&request, || at(0), &|_| ()).await {
        Ok(manifest) => println!("exported {} row", manifest.tables[0].rows),
        Err(error) => println!("{}", Failure::from(error)),
    }
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
    let system = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if system.exists() {
        let text = export_trusting(system, &by_name, &lake);
        assert!(
            text.contains("server does not support TLS") && text.contains(HINT),
            "{text}"
        );
    }
    let authority = offer_tls(&client, folder.path()).await;
    let text = export_trusting(&folder.path().join("server.crt"), &by_name, &lake);
    assert!(
        text.contains("invalid peer certificate") && text.contains(HINT),
        "{text}"
    );
    let text = export_trusting(&authority, &by_address, &lake);
    assert!(
        text.contains("invalid peer certificate") && text.contains(HINT),
        "{text}"
    );
    assert_eq!(lake.files(), [""; 0]);
    let text = export_trusting(&authority, &by_name, &lake);
    assert!(text.contains("exported 1 row"), "{text}");
    let file = std::fs::File::open(lake.file("public/t/part-00000.parquet")).unwrap();
    let batches = ParquetRecordBatchReader::try_new(file, 1).unwrap();
    let encrypted: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
    assert!(encrypted[0].column(0).as_boolean().value(0));
}
