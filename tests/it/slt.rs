//! The SQL functions through SQL: golden files under `tests/slt`, and the reference page.

use std::{path::PathBuf, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanBuilder, Int64Array, Int64Builder, ListBuilder, StringArray},
    record_batch::RecordBatch,
    util::display::{ArrayFormatter, FormatOptions},
};
use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::DataType,
    error::{DataFusionError, Result},
    prelude::SessionContext,
};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner, strict_column_validator};
use touchpath::{
    engine::udf::{functions, register_all},
    platform::RuleSet,
};

/// A session with our functions and two tables whose arrays are not what a literal makes:
/// `sliced` is a slice of longer arrays, `nothing` has no row.
fn session() -> SessionContext {
    let rules = Arc::new(RuleSet::builtin("v10").unwrap());
    let mut state = SessionContext::new().state();
    register_all(&mut state, &rules).unwrap();
    let session = SessionContext::new_with_state(state);
    let whole = sample();
    session.register_batch("sliced", whole.slice(1, 3)).unwrap();
    session
        .register_batch("nothing", whole.slice(2, 0))
        .unwrap();
    session
}

/// Rows 0 to 4: `id`, `words` (row 2 null), and a path of as many touches as the id says
/// (row 2 null), the last one paid, the first one direct, ages descending to 0.
fn sample() -> RecordBatch {
    let (mut paid, mut direct, mut ages) = (
        ListBuilder::new(BooleanBuilder::new()),
        ListBuilder::new(BooleanBuilder::new()),
        ListBuilder::new(Int64Builder::new()),
    );
    for len in 0..5_i64 {
        for touch in 0..len {
            paid.values().append_value(touch == len - 1);
            direct.values().append_value(touch == 0);
            ages.values().append_value(len - 1 - touch);
        }
        paid.append(len != 2);
        direct.append(len != 2);
        ages.append(len != 2);
    }
    let words = [
        Some("zero"),
        Some("Facebook"),
        None,
        Some(" "),
        Some("four"),
    ];
    RecordBatch::try_from_iter([
        (
            "id",
            Arc::new(Int64Array::from_iter_values(0..5)) as ArrayRef,
        ),
        ("words", Arc::new(StringArray::from_iter(words))),
        ("paid", Arc::new(paid.finish())),
        ("direct", Arc::new(direct.finish())),
        ("ages", Arc::new(ages.finish())),
    ])
    .unwrap()
}

/// The session as the runner of golden files wants it.
struct Database(SessionContext);

#[async_trait]
impl AsyncDB for Database {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        let frame = self.0.sql(sql).await?;
        let types = frame
            .schema()
            .fields()
            .iter()
            .map(|field| kind(field.data_type()))
            .collect();
        let rows = rows(&frame.collect().await?)?;
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}
}

fn kind(data_type: &DataType) -> DefaultColumnType {
    match data_type {
        DataType::Utf8 => DefaultColumnType::Text,
        _ if data_type.is_integer() => DefaultColumnType::Integer,
        _ if data_type.is_numeric() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Any,
    }
}

fn rows(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::new().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    Ok(rows)
}

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[tokio::test]
async fn the_golden_files_of_every_function_hold() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(here("tests/slt"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for function in functions(&Arc::new(RuleSet::builtin("v10").unwrap())) {
        let file = here(&format!("tests/slt/{}.slt", function.name()));
        assert!(files.contains(&file), "{} is missing", file.display());
    }
    let mut failures = Vec::new();
    for file in files {
        let mut runner = Runner::new(|| async { Ok(Database(session())) });
        runner.with_column_validator(strict_column_validator);
        if let Err(error) = runner.run_file_async(&file).await {
            failures.push(error.display(false).to_string());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// `docs/functions.md` as the functions' own documentation has it.
fn reference() -> String {
    let head = "# SQL functions\n\n\
                Generated from the functions' documentation; \
                `TOUCHPATH_BLESS=1 cargo test --test it slt` writes it anew.\n";
    let sections = functions(&Arc::new(RuleSet::builtin("v10").unwrap()));
    let sections = sections.iter().map(|function| {
        let documentation = function.documentation().unwrap();
        let arguments = documentation.arguments.iter().flatten();
        let arguments: Vec<String> = arguments
            .map(|(name, text)| format!("| `{name}` | {text} |\n"))
            .collect();
        format!(
            "\n## {}\n\n`{}`\n\n{}\n\n| argument | |\n|---|---|\n{}\n```\n{}\n```\n",
            function.name(),
            documentation.syntax_example,
            documentation.description,
            arguments.concat(),
            documentation.sql_example.as_deref().unwrap()
        )
    });
    std::iter::once(head.to_owned()).chain(sections).collect()
}

#[test]
fn the_reference_page_is_what_the_functions_say() {
    let (file, page) = (here("docs/functions.md"), reference());
    if std::env::var_os("TOUCHPATH_BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        page,
        "docs/functions.md is stale"
    );
}

#[tokio::test]
async fn the_example_of_every_function_gives_what_it_prints() {
    let session = session();
    for function in functions(&Arc::new(RuleSet::builtin("v10").unwrap())) {
        let example = function
            .documentation()
            .unwrap()
            .sql_example
            .clone()
            .unwrap();
        let (sql, printed) = example.split_once(";\n").unwrap();
        let frame = session.sql(sql.strip_prefix("> ").unwrap()).await.unwrap();
        let rows = rows(&frame.collect().await.unwrap()).unwrap();
        assert_eq!(rows.concat().join(" "), printed, "{sql}");
    }
}
