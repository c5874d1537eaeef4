//! Every type at its edges: what lands is what Postgres prints, or the export stops and names it.

use std::process::Command;

use touchpath::error::Exit;

use super::{Lake, export_at, failure, postgres, printed};

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
            "/tests/it/export/read_back.py"
        ))
        .arg(lake.only_part("raw/every_type"))
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
        // Where the row lies is the server's affair; its key finds it.
        let place = format!("error: `public.bad.{column}`, row ");
        let which = format!(" (id 40123): {problem}\n");
        assert!(text.starts_with(&place) && text.contains(&which), "{text}");
        assert_eq!(lake.finished_files(), files, "{value}");
        for (file, before) in files.iter().zip(&before) {
            assert_eq!(&std::fs::read(lake.file(file)).unwrap(), before, "{file}");
        }
    }
}
