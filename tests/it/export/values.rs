//! Single values: what is refused, made null and counted, or very wide.

use std::path::PathBuf;

use touchpath::error::Exit;
use touchpath::export::NotFinite;

use super::types::read_back::{Column, read_back};
use super::{Lake, at, export_at, failure, postgres, printed, request};
use crate::program::Program;
use crate::python::{python, succeed};

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

const ENDLESS: &str = "
    create table public.endless (
        id integer primary key, n numeric(9,2), w numeric(50,2), a numeric(9,2)[], d date, t timestamp,
        z timestamptz, ds date[]);
    insert into public.endless values
        (1, 'NaN', 'NaN', '{NaN,1,NaN}', 'infinity', 'infinity', 'infinity', '{infinity,2024-01-01}'),
        (2, 1, 1, '{1}', '-infinity', '-infinity', '-infinity', '{-infinity}'),
        (3, null, null, null, '2024-02-29', '2024-02-29', '2024-02-29+00', null)";

#[tokio::test(flavor = "multi_thread")]
async fn values_without_end_become_null_on_request_and_are_counted() {
    let database = postgres::Database::create("endless_null").await;
    let client = database.client().await;
    client.batch_execute(ENDLESS).await.unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.endless"]);
    request.conversions.not_finite = NotFinite::Null;
    let manifest = touchpath::export::export(&request, || at(0), &|_| ())
        .await
        .unwrap();
    let table = &manifest.tables[0];
    let counts: Vec<(&str, u64)> = table.not_finite().into_iter().collect();
    // Row 1 holds one in n and w, two in a; rows 1 and 2 hold one in each of d, t, z, ds.
    assert_eq!(
        counts,
        [
            ("a", 2),
            ("d", 2),
            ("ds", 2),
            ("n", 1),
            ("t", 2),
            ("w", 1),
            ("z", 2),
        ]
    );
    let sql = "set timezone = 'UTC'; select nullif(n, 'NaN'), nullif(w, 'NaN'), array_replace(a, 'NaN', null),
        case when isfinite(d) then d end, case when isfinite(t) then t end,
        case when isfinite(z) then z end,
        array_replace(array_replace(ds, 'infinity', null), '-infinity', null)
        from public.endless order by id";
    let rows = printed(&client, sql).await;
    let names = ["n", "w", "a", "d", "t", "z", "ds"];
    let columns = names.iter().enumerate().map(|(index, name)| Column {
        name: (*name).to_owned(),
        values: rows.iter().map(|row| row[index].clone()).collect(),
        is_multirange: false,
    });
    let file = (lake.file(&table.parts[0].path), columns.collect());
    let found = read_back(&lake.file(""), &[file]);
    assert_eq!(found[0].differences, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_dates_stay_endless_for_duckdb_on_request() {
    let database = postgres::Database::create("endless_duckdb").await;
    let client = database.client().await;
    client.batch_execute(ENDLESS).await.unwrap();
    client
        .batch_execute("update public.endless set n = null, w = null, a = null")
        .await
        .unwrap();
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &["public.endless"]);
    request.conversions.not_finite = NotFinite::DuckDb;
    let manifest = touchpath::export::export(&request, || at(0), &|_| ())
        .await
        .unwrap();
    assert_eq!(manifest.tables[0].not_finite()["d"], 2);
    let file: PathBuf = lake.file(&manifest.tables[0].parts[0].path);
    let script = format!(
        "import duckdb\nduckdb.sql(\"set timezone = 'UTC'\")\nfor row in duckdb.sql(\"select d::text, t::text, \
         z::text, ds::text from '{}' order by id\").fetchall(): print(row)",
        file.display()
    );
    let said = succeed(python(&["duckdb", "pyarrow"]).args(["-c", &script]));
    assert_eq!(
        said,
        "('infinity', 'infinity', 'infinity', '[infinity, 2024-01-01]')\n\
         ('-infinity', '-infinity', '-infinity', '[-infinity]')\n\
         ('2024-02-29', '2024-02-29 00:00:00', '2024-02-29 00:00:00+00', None)\n"
    );
    // A numeric has no such form.
    client
        .batch_execute("update public.endless set n = 'NaN' where id = 2")
        .await
        .unwrap();
    let outcome = touchpath::export::export(&request, || at(1), &|_| ()).await;
    let (_, text) = failure(outcome);
    assert!(
        text.contains(" (id 2): `NaN` has no decimal form\n"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_file_declares_forms_and_the_program_tells_what_became_null() {
    let database = postgres::Database::create("declared_forms").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.odd (id integer primary key, amount numeric, d date);
             insert into public.odd values (1, 1.5, 'infinity'), (2, 'NaN', null)",
        )
        .await
        .unwrap();
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    let file = program.folder().join("touchpath.toml");
    let arguments = ["export", "public.odd", "--lake", "lake"];
    let settings = |columns: &str| {
        format!("not_finite = \"null\"\n[columns]\n{columns}\n\"public.other.x\" = \"text\"\n")
    };
    for (columns, said) in [
        ("\"public.odd.amount\" = \"numeric(9,10)\"", "exit: 2"),
        (
            "\"public.odd.amount\" = 5",
            "`columns.public.odd.amount` must be a text, found `5`",
        ),
        ("\"public.odd.amuont\" = \"text\"", "did you mean `amount`?"),
    ] {
        std::fs::write(&file, settings(columns)).unwrap();
        let answer = program.run(&arguments);
        assert!(answer.contains(said), "{columns}\n{answer}");
    }
    std::fs::write(
        &file,
        settings("\"public.odd.amount\" = \"numeric(20, 4)\""),
    )
    .unwrap();
    let answer = program.run(&arguments);
    assert!(answer.starts_with("exit: 0\n"), "{answer}");
    for note in [
        "public.odd.amount: 1 values had no end and became null",
        "public.odd.d: 1 values had no end and became null",
    ] {
        assert!(answer.contains(note), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_fifty_mebibytes_pass() {
    let database = postgres::Database::create("wide_rows").await;
    let client = database.client().await;
    // Three rows of 50 MiB among narrow ones.
    client
        .batch_execute(
            "create table public.wide (id integer primary key, t text, b bytea, l text[]);
             insert into public.wide
             select i, case when i % 300 = 0 then repeat(chr(97 + i / 300), 25 << 20) else 'n' || i end,
                    case when i % 300 = 0 then decode(repeat('ab', 5 << 20), 'hex') end,
                    case when i % 300 = 0 then array[repeat('y', 20 << 20), null] end
             from generate_series(1, 950) i",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["public.wide"])
        .await
        .unwrap();
    assert_eq!(manifest.tables[0].rows, 950);
    let sums = "sum(length(t)), sum(id * ascii(t)), sum(octet_length(b)), sum(length(l[1]))";
    let expected = printed(&client, &format!("select {sums} from public.wide")).await;
    let expected: Vec<&str> = expected[0]
        .iter()
        .map(|sum| sum.as_deref().unwrap())
        .collect();
    let script = "import sys, pyarrow.parquet as parquet\n\
        rows = parquet.read_table(sys.argv[1]).to_pylist()\n\
        print(sum(len(row['t']) for row in rows), sum(row['id'] * ord(row['t'][0]) for row in rows),\n\
        sum(len(row['b'] or b'') for row in rows), sum(len(row['l'][0]) for row in rows if row['l']))";
    let path = lake.file(&manifest.tables[0].parts[0].path);
    let said = succeed(python(&["pyarrow"]).args(["-c", script]).arg(path));
    assert_eq!(said.trim(), expected.join(" "));
}
