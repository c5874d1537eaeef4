//! Every type at its edges, and `docs/types.md`, which says what landed.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use datafusion::prelude::{ParquetReadOptions, SessionContext};
use touchpath::error::Exit;
use touchpath::export::{Conversions, ExportError};
use touchpath::lake::exports::ExportManifest;

use super::super::{Lake, at, failure, printed, request};
use super::cases::{CASES, Case, REFUSED_TYPES, REFUSED_VALUES, SETUP};
use super::read_back::{Column, Found, PRINTING, read_back};
use crate::postgres;

/// Longest text in the document.
const SHOWN: usize = 100;

fn table(index: usize) -> String {
    format!("m.t{index}")
}

async fn create(client: &tokio_postgres::Client) {
    client.batch_execute(SETUP).await.unwrap();
    client
        .batch_execute("set search_path = pg_catalog; set timezone = 'UTC'")
        .await
        .unwrap();
    for (index, case) in CASES.iter().enumerate() {
        let table = table(index);
        let mut sql = format!(
            "create table {table} (id integer primary key, v {});",
            case.postgres
        );
        for (row, value) in case.values.iter().chain(&["null"]).enumerate() {
            write!(sql, "insert into {table} values ({row}, {value});").unwrap();
        }
        let made = client.batch_execute(&sql).await;
        assert!(made.is_ok(), "{sql}\n{made:?}");
    }
}

fn declarations() -> Conversions {
    let declared = CASES.iter().enumerate().filter_map(|(index, case)| {
        let form = case.declared?.parse().unwrap();
        Some((format!("{}.v", table(index)), form))
    });
    Conversions {
        columns: declared.collect(),
        ..Conversions::default()
    }
}

async fn export(
    database: &postgres::Database,
    lake: &Lake,
    tables: &[String],
    conversions: Conversions,
) -> Result<ExportManifest, ExportError> {
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let mut request = request(&database.url(), lake, &tables);
    request.conversions = conversions;
    touchpath::export::export(&request, || at(0), &|_| ()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_lands_as_postgres_prints_it_and_the_manual_says_so() {
    let database = postgres::Database::create("type_matrix").await;
    let client = database.client().await;
    create(&client).await;
    let lake = Lake::create();
    let tables: Vec<String> = (0..CASES.len()).map(table).collect();
    let manifest = export(&database, &lake, &tables, declarations())
        .await
        .unwrap_or_else(|error| panic!("{}", failure(Err(error)).1));

    client.batch_execute(PRINTING).await.unwrap();
    let mut expected = Vec::new();
    let mut files = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        let sql = format!(
            "select {} from {} order by id",
            case.printed.unwrap_or("v"),
            table(index)
        );
        let rows = printed(&client, &sql).await;
        let values: Vec<Option<String>> = rows.into_iter().map(|mut row| row.remove(0)).collect();
        assert_eq!(values.len(), case.values.len() + 1);
        expected.push(values.clone());
        let column = Column {
            name: "v".to_owned(),
            values,
            is_multirange: case.postgres.ends_with("multirange") || case.postgres == "m.times",
        };
        let path = &manifest.tables[index].parts[0].path;
        files.push((lake.file(path), vec![column]));
    }
    let found = read_back(lake.file("").as_path(), &files);
    let differences: Vec<String> = CASES
        .iter()
        .zip(&found)
        .flat_map(|(case, found)| {
            let lines = found.differences.iter();
            lines.map(|line| {
                format!(
                    "{} {}",
                    case.postgres,
                    line.chars().take(300).collect::<String>()
                )
            })
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    our_engine_reads(&files, &expected).await;
    is_the_manual(&document(&expected, &found));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_exact_form_is_refused_with_its_remedy() {
    let database = postgres::Database::create("refused_matrix").await;
    let client = database.client().await;
    client.batch_execute(SETUP).await.unwrap();
    let lake = Lake::create();
    let types = REFUSED_TYPES.iter().map(|(postgres, form, hint)| {
        let said = if form.is_some() {
            "cannot have the form that the settings declare: its type is"
        } else {
            "cannot be exported exactly: its type is"
        };
        (
            *postgres,
            *form,
            "null",
            format!("`m.refused.v` {said} `{postgres}`"),
            *hint,
        )
    });
    let values = REFUSED_VALUES
        .iter()
        .map(|(postgres, form, value, problem, hint)| {
            let said = format!("`m.refused.v`, row 2 (id 2): {problem}");
            (*postgres, *form, *value, said, *hint)
        });
    for (postgres, form, value, said, hint) in types.chain(values) {
        let sql = format!(
            "drop table if exists m.refused;
             create table m.refused (id integer primary key, v {postgres});
             insert into m.refused values (1, null), (2, {value})"
        );
        client.batch_execute(&sql).await.unwrap();
        let mut conversions = Conversions::default();
        if let Some(form) = form {
            let form = form.parse().unwrap();
            conversions.columns.insert("m.refused.v".to_owned(), form);
        }
        let tables = ["m.refused".to_owned()];
        let (exit, text) = failure(export(&database, &lake, &tables, conversions).await);
        assert_eq!(exit, Exit::Usage, "{text}");
        let (first, hinted) = text.split_once("\n\nhint: ").unwrap_or((&text, ""));
        assert_eq!(first, format!("error: {said}"), "{postgres} {value}");
        assert!(hinted.contains(hint), "{text}");
        assert_eq!(lake.finished_files(), [""; 0]);
    }
}

/// How many pairs of a type and a value the document is about.
fn pairs() -> usize {
    let landed: usize = CASES.iter().map(|case| case.values.len() + 1).sum();
    landed + REFUSED_VALUES.len()
}

fn document(expected: &[Vec<Option<String>>], found: &[Found]) -> String {
    let mut text = format!(
        "# Types\n\n\
         How each Postgres type lands in the lake, and what of each does not. Generated by the \
         test that proves it, on a real server: `TOUCHPATH_BLESS=1 cargo test --test it types` \
         writes it anew. Every value below was exported, read back by pyarrow and by DuckDB, and \
         compared with the text that Postgres itself prints for it, under the settings of the \
         export: ISO dates, time zone UTC, intervals in Postgres' style, only `pg_catalog` on \
         the search path.\n\n\
         Types × values: **{} types, {} pairs** ({} pairs land exactly, null with every type \
         among them; {} are refused by row). Beside them {} types are refused before any row is \
         read.\n\n",
        CASES.len(),
        pairs(),
        pairs() - REFUSED_VALUES.len(),
        REFUSED_VALUES.len(),
        REFUSED_TYPES.len(),
    );
    text.push_str(include_str!("rules.md"));
    text.push_str("\n## Forms\n\n| Postgres | declared | Parquet | pyarrow | DuckDB |\n|---|---|---|---|---|\n");
    for (case, found) in CASES.iter().zip(found) {
        let types = &found.types["v"];
        let row = [
            code(case.postgres),
            case.declared.map(code).unwrap_or_default(),
            code(&types.parquet.join(", ")),
            code(&types.pyarrow),
            code(&types.duckdb),
        ];
        writeln!(text, "| {} |", row.join(" | ")).unwrap();
    }
    text.push_str("\n## Values\n\n| Postgres | value | lands as |\n|---|---|---|\n");
    for (case, values) in CASES.iter().zip(expected) {
        write_values(&mut text, case, values);
    }
    text.push_str(
        "\n## Refused by row\n\n| Postgres | declared | value | message |\n|---|---|---|---|\n",
    );
    for (postgres, form, value, problem, _) in REFUSED_VALUES {
        let row = [
            code(postgres),
            form.map(code).unwrap_or_default(),
            code(value),
            (*problem).to_owned(),
        ];
        writeln!(text, "| {} |", row.join(" | ")).unwrap();
    }
    text.push_str(
        "\n## Refused before any row is read\n\n| Postgres | declared | hint |\n|---|---|---|\n",
    );
    for (postgres, form, hint) in REFUSED_TYPES {
        let form = form.map(code).unwrap_or_default();
        writeln!(text, "| {} | {form} | … {hint} |", code(postgres)).unwrap();
    }
    text
}

fn write_values(text: &mut String, case: &Case, values: &[Option<String>]) {
    let name = match case.declared {
        Some(form) => format!("{} as {}", code(case.postgres), code(form)),
        None => code(case.postgres),
    };
    for (value, printed) in case.values.iter().zip(values) {
        let printed = printed.as_deref().unwrap_or("null");
        writeln!(text, "| {name} | {} | {} |", code(value), code(printed)).unwrap();
    }
}

/// A text as code in a table's cell, shortened, with what would end the cell or vanish spelled.
fn code(text: &str) -> String {
    let length = text.chars().count();
    let mut shown: String = text.chars().take(SHOWN).flat_map(spelled).collect();
    if length > SHOWN {
        write!(shown, " … ({length} characters)").unwrap();
    }
    if shown.is_empty() {
        return "(empty)".to_owned();
    }
    let fence = if shown.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", shown.replace('|', "\\|"))
}

fn spelled(letter: char) -> Vec<char> {
    let is_plain = !letter.is_control() && letter != '\u{feff}' && letter != '\u{301}';
    if is_plain {
        vec![letter]
    } else {
        letter.escape_default().collect()
    }
}

/// DataFusion is the third reader: every file opens, with every row and null.
async fn our_engine_reads(files: &[(PathBuf, Vec<Column>)], expected: &[Vec<Option<String>>]) {
    let session = SessionContext::new();
    for ((path, _), values) in files.iter().zip(expected) {
        let path = path.to_str().unwrap();
        let table = session.read_parquet(path, ParquetReadOptions::default());
        let batches = table.await.unwrap().collect().await.unwrap();
        let rows: usize = batches
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum();
        let nulls: usize = batches
            .iter()
            .map(|batch| batch.column_by_name("v").unwrap().null_count())
            .sum();
        let expected = values.iter().filter(|value| value.is_none()).count();
        assert_eq!((rows, nulls), (values.len(), expected), "{path}");
    }
}

fn is_the_manual(page: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/types.md");
    if std::env::var_os("TOUCHPATH_BLESS").is_some() {
        std::fs::write(&file, page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/types.md is stale; TOUCHPATH_BLESS=1 writes it anew"
    );
}
