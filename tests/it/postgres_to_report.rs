//! The main job on a real database: what it gives is what the committed lake gives, to the byte.

use std::path::Path;

use touchpath::schema::{TABLES, Table};

use crate::lakes::{assert_same_files, copy_demo, demo, files, published};
use crate::postgres::Database;
use crate::program::Program;

fn succeed(program: &Program, arguments: &[&str]) {
    let said = program.run(arguments);
    assert!(said.starts_with("exit: 0\n"), "{arguments:?}\n{said}");
}

/// Publishes the lake `lake` and writes its report; returns the report without the run's id
/// and time.
fn run_and_report(program: &Program) -> String {
    succeed(
        program,
        &[
            "run",
            "--lake",
            "lake",
            "--out",
            "out",
            "--since",
            "2025-01-01",
        ],
    );
    succeed(
        program,
        &[
            "report",
            "--out",
            "out",
            "--format",
            "html",
            "-o",
            "report.html",
        ],
    );
    let report = std::fs::read_to_string(program.folder().join("report.html")).unwrap();
    let manifest = manifest(&program.folder().join("out/runs"));
    let told = |name: &str| manifest[name].as_str().unwrap();
    let (day, time) = told("finished_at").split_once('T').unwrap();
    let published = format!("{day} {} UTC", &time[..5]);
    for part in [told("run"), &published] {
        assert!(report.contains(part), "the report does not name `{part}`");
    }
    report
        .replace(told("run"), "RUN")
        .replace(&published, "TIME")
}

fn manifest(runs: &Path) -> serde_json::Value {
    let found = files(runs);
    let mut manifests = found
        .iter()
        .filter(|(path, _)| path.ends_with("/manifest.json"));
    serde_json::from_slice(manifests.next().unwrap().1).unwrap()
}

/// The bytes of the lake's tables, each of which is one file, by their folders.
fn tables(lake: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut tables = std::collections::BTreeMap::new();
    for (path, bytes) in files(lake) {
        if let Some((folder, name)) = path.rsplit_once('/')
            && name.ends_with(".parquet")
        {
            let another = tables.insert(folder.to_owned(), bytes);
            assert!(another.is_none(), "{folder} has several files");
        }
    }
    tables
}

#[tokio::test]
async fn postgres_gives_the_same_bytes_as_the_committed_lake() {
    let database = Database::create("main_job").await;
    let from_postgres = Program::new().with("TOUCHPATH_FROM", &database.url());
    succeed(&from_postgres, &["demo", "--postgres", &database.url()]);

    // Without names: the tables that the queries read.
    succeed(&from_postgres, &["export", "--lake", "lake"]);
    let committed = tables(&demo());
    let exported = tables(&from_postgres.folder().join("lake"));
    assert_eq!(
        exported.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "raw/itcrm_docs_clients",
            "stg/crm_events",
            "stg/marketing_match",
            "stg/source_attribution",
        ]
    );
    for (path, bytes) in &exported {
        assert!(*bytes == committed[path], "{path} is not what the lake has");
    }

    let from_lake = Program::new();
    copy_demo(from_lake.folder(), "lake");
    let reports = [run_and_report(&from_postgres), run_and_report(&from_lake)];
    assert_same_files(
        &published(&from_postgres.folder().join("out")),
        &published(&from_lake.folder().join("out")),
        "results from Postgres and from the committed lake",
    );
    assert!(
        reports[0] == reports[1],
        "the reports differ beyond the run's id and time"
    );
}

#[tokio::test]
async fn every_table_exports_to_the_bytes_of_the_committed_lake() {
    let database = Database::create("every_table").await;
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    succeed(&program, &["demo", "--postgres", &database.url()]);
    let names: Vec<String> = TABLES.iter().map(Table::qualified).collect();
    let mut arguments = vec!["export", "--lake", "lake"];
    arguments.extend(names.iter().map(String::as_str));
    succeed(&program, &arguments);
    let committed = tables(&demo());
    assert_eq!(committed.len(), TABLES.len());
    let exported = tables(&program.folder().join("lake"));
    assert_same_files(&exported, &committed, "the export and the committed lake");
}
