//! `touchpath forget`: a client is gone from lake and runs, and nothing else is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

use crate::lakes::{assert_same_files, copy_demo, files};
use crate::postgres::Database;
use crate::program::{Program, assert_said};
use crate::python::{python, succeed};

/// A client of the demo lake with leads, a click, requests and a contract.
const CLIENT: &str = "505944";
/// Nobody.
const NOBODY: &str = "1";

fn said(program: &Program, arguments: &[&str]) -> String {
    let said = program.run(arguments);
    assert!(said.starts_with("exit: 0\n"), "{arguments:?}\n{said}");
    said
}

fn forget(program: &Program, client: &str, lake: &str) -> String {
    said(program, &["forget", "--client", client, "--lake", lake])
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The Parquet files below a folder.
fn parquet(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_parquet = |(name, _): &(String, Vec<u8>)| name.ends_with(".parquet");
    files(folder).into_iter().filter(is_parquet).collect()
}

fn logs(lake: &Path) -> Vec<String> {
    let logs = files(&lake.join("_exports/forgotten"));
    logs.into_values()
        .map(|text| String::from_utf8(text).unwrap())
        .collect()
}

#[test]
fn a_client_is_gone_from_lake_and_run_and_the_others_rows_stay() {
    let program = Program::new();
    let lake = copy_demo(program.folder(), "lake");
    said(&program, &["run", "--lake", "lake", "--quiet"]);
    let before = program.folder().join("before");
    copy(&lake, &before);
    let first = forget(&program, CLIENT, "lake");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/forget.py");
    let mut compare = python(&["duckdb"]);
    let told = succeed(compare.arg(script).args([&before, &lake]).arg(CLIENT));
    let mut expected: Vec<(String, u64)> = told
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(table, rows)| (table.to_owned(), rows.parse().unwrap()))
        .collect();
    expected.sort();
    let mut removed: Vec<(String, u64)> = first
        .lines()
        .filter_map(|line| {
            let (table, rows) = line.rsplit_once(",1,")?;
            let name = table.rsplit(['.', '/']).next().unwrap();
            Some((name.to_owned(), rows.parse().unwrap()))
        })
        .collect();
    removed.sort();
    assert_eq!(removed, expected);
    for (table, rows) in [("fb_leads", 1), ("google_ads_clicks", 2), ("crm_events", 4)] {
        assert!(expected.contains(&(table.to_owned(), rows)), "{expected:?}");
    }

    // The log tells what was done and not to whom.
    let [log] = &logs(&lake)[..] else {
        panic!("not one log")
    };
    let total: u64 = expected.iter().map(|(_, rows)| rows).sum();
    assert!(
        log.contains(&format!("\"rows_removed\": {total},")),
        "{log}"
    );
    assert!(!log.contains(CLIENT) && !log.contains("null"), "{log}");

    // The run's manifest tells what its files now are.
    for manifest in files(&lake.join("runs")) {
        if !manifest.0.ends_with("/manifest.json") {
            continue;
        }
        let (run, _) = manifest.0.split_once('/').unwrap();
        let told: serde_json::Value = serde_json::from_slice(&manifest.1).unwrap();
        for dataset in told["datasets"].as_array().unwrap() {
            let file = dataset["files"][0].as_str().unwrap();
            let bytes = std::fs::read(lake.join("runs").join(run).join(file)).unwrap();
            assert_eq!(dataset["bytes"], bytes.len(), "{file}");
            assert_eq!(dataset["rows"], rows_of(bytes), "{file}");
        }
    }

    // Once more changes nothing, and readers find everything in order.
    let after = files(&lake);
    let again = forget(&program, CLIENT, "lake");
    assert!(again.contains("the client is nowhere: 0 rows"), "{again}");
    assert_same_files(&files(&lake), &after, "forgotten twice");
    said(&program, &["check", "--lake", "lake"]);
    said(&program, &["report", "--out", "lake", "--format", "json"]);
}

fn rows_of(bytes: Vec<u8>) -> i64 {
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    file.metadata().file_metadata().num_rows()
}

#[tokio::test]
async fn what_is_left_is_what_an_export_without_the_client_gives() {
    let database = Database::create("forget").await;
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    said(&program, &["demo", "--postgres", &database.url()]);
    said(&program, &["export", "--lake", "forgotten"]);
    said(
        &program,
        &["forget", "--client", CLIENT, "--lake", "forgotten"],
    );
    let client = database.client().await;
    for table in [
        "stg.source_attribution",
        "stg.marketing_match",
        "raw.itcrm_docs_clients",
        "stg.crm_events",
    ] {
        let delete = format!(
            "delete from {table} where id_source in
                 (select id_source from stg.crm_events where client_id = {CLIENT})"
        );
        client.batch_execute(&delete).await.unwrap();
    }
    said(&program, &["export", "--lake", "never_there"]);
    let by_table = |lake: &str| -> BTreeMap<String, Vec<u8>> {
        let parts = parquet(&program.folder().join(lake));
        let table = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
        parts
            .into_iter()
            .map(|(path, bytes)| (table(&path), bytes))
            .collect()
    };
    assert_same_files(
        &by_table("forgotten"),
        &by_table("never_there"),
        "forgotten and never there",
    );

    // The export's manifest tells what its parts now are.
    let exports = files(&program.folder().join("forgotten/_exports"));
    let manifest = exports
        .iter()
        .find(|(name, _)| !name.contains('/'))
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(manifest.1).unwrap();
    for table in manifest["tables"].as_array().unwrap() {
        let mut rows = 0;
        for part in table["parts"].as_array().unwrap() {
            let path = program
                .folder()
                .join("forgotten")
                .join(part["path"].as_str().unwrap());
            let bytes = std::fs::read(path).unwrap();
            let hash = format!("{:x}", Sha256::digest(&bytes));
            assert_eq!(
                (&part["sha256"], &part["bytes"]),
                (&hash.into(), &bytes.len().into())
            );
            rows += rows_of(bytes);
        }
        assert_eq!(table["rows"], rows);
    }
}

/// The demo lake before and after, and the log between.
struct Forgotten {
    program: Program,
    before: BTreeMap<String, Vec<u8>>,
    after: BTreeMap<String, Vec<u8>>,
    log: String,
}

impl Forgotten {
    fn new() -> Self {
        let program = Program::new();
        let lake = copy_demo(program.folder(), "whole");
        let before = parquet(&lake);
        forget(&program, CLIENT, "whole");
        let after = parquet(&lake);
        let log = logs(&lake).remove(0);
        Self {
            program,
            before,
            after,
            log,
        }
    }

    fn lake(&self, name: &str) -> PathBuf {
        copy_demo(self.program.folder(), name)
    }
}

#[test]
fn a_killed_command_leaves_each_file_old_or_new_and_the_next_one_ends_it() {
    let forgotten = Forgotten::new();
    for (number, milliseconds) in [50, 200, 400, 700, 1000, 1500, 2200]
        .into_iter()
        .enumerate()
    {
        let name = format!("killed_{number}");
        let lake = forgotten.lake(&name);
        let mut child = forgotten
            .program
            .command(&["forget", "--client", CLIENT, "--lake", &name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
        for (path, bytes) in parquet(&lake) {
            let is_whole = bytes == forgotten.before[&path] || bytes == forgotten.after[&path];
            assert!(is_whole, "{path} after {milliseconds} ms");
        }
        forget(&forgotten.program, CLIENT, &name);
        let left = files(&lake);
        assert!(left.keys().all(|name| !name.contains(".part")), "{left:?}");
        assert_same_files(&parquet(&lake), &forgotten.after, "after a killed command");
    }
}

/// Between the log and the end: some files are in place, the others staged.
#[test]
fn what_was_decided_is_carried_out_whoever_is_asked_for_next() {
    let forgotten = Forgotten::new();
    let lake = forgotten.lake("lake");
    let changed = |path: &&String| forgotten.before[*path] != forgotten.after[*path];
    let changed: Vec<&String> = forgotten.after.keys().filter(changed).collect();
    assert!(changed.len() > 6);
    for (number, path) in changed.into_iter().enumerate() {
        let (folder, name) = path.rsplit_once('/').unwrap();
        let place = if number % 2 == 0 {
            lake.join(path)
        } else {
            lake.join(folder).join(format!("_{name}.forget.part"))
        };
        std::fs::write(place, &forgotten.after[path]).unwrap();
    }
    let (head, tail) = forgotten.log.split_once("\"finished_at\": \"").unwrap();
    let (_, tail) = tail.split_once('"').unwrap();
    let unfinished = format!("{head}\"finished_at\": null{tail}");
    std::fs::create_dir_all(lake.join("_exports/forgotten")).unwrap();
    std::fs::write(lake.join("_exports/forgotten/1.json"), unfinished).unwrap();

    let said = forget(&forgotten.program, NOBODY, "lake");
    assert!(said.contains("has been brought to its end"), "{said}");
    assert_same_files(
        &parquet(&lake),
        &forgotten.after,
        "after a log without an end",
    );
    assert!(files(&lake).keys().all(|name| !name.contains(".part")));
    let log = logs(&lake).into_iter().find(|log| !log.contains("null"));
    assert!(log.is_some());
}

fn numbers(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<StringArray>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let nullable = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

/// Clients 10 and 11 share a phone and a request; 10 has a phone of its own, in requests that
/// no event is known for, and a lead that nothing but the phone ties to it.
fn shared() -> Program {
    let events = [Some(1), Some(2), Some(3), Some(4)];
    let own = Some("+380 44 111-11-11");
    let family = Some("044 222 22 22");
    let tables = [
        (
            "stg/crm_events",
            vec![
                ("id_source", numbers(&events)),
                ("client_id", numbers(&[Some(10), Some(10), Some(11), None])),
            ],
        ),
        (
            "stg/source_attribution",
            vec![
                ("id_source", numbers(&events)),
                (
                    "gclid",
                    texts(&[Some("g1"), Some(" "), Some(" "), Some("g1x")]),
                ),
                ("phone", texts(&[own, family, family, None])),
            ],
        ),
        (
            "raw/itcrm_internet_request_relation",
            vec![
                (
                    "id_request",
                    numbers(&[Some(101), Some(102), Some(102), Some(103)]),
                ),
                ("id_source", numbers(&[Some(1), Some(2), Some(3), Some(3)])),
            ],
        ),
        ("raw/own_table", vec![("client_id", numbers(&[Some(10)]))]),
    ];
    with_contacts(with_tables(Program::new(), tables))
}

fn with_tables<const N: usize>(
    program: Program,
    tables: [(&str, Vec<(&str, ArrayRef)>); N],
) -> Program {
    tables
        .into_iter()
        .fold(program, |program, (table, columns)| {
            program.parquet(&format!("lake/{table}.parquet"), &batch(columns))
        })
}

/// Requests 104 and 105 are tied to no event, 104 by the client's own phone.
fn with_contacts(program: Program) -> Program {
    let requests = [Some(101), Some(102), Some(103), Some(104), Some(105)];
    let phones = [None, None, None, Some("441111111"), Some("0442222222")];
    let codes = [Some("gsession"), Some("g2"), Some("gsession"), None];
    let tables = [
        (
            "raw/itcrm_internet_request",
            vec![
                ("request_id", numbers(&requests)),
                ("phone", texts(&phones)),
            ],
        ),
        (
            "raw/itcrm_analytics",
            vec![
                ("id", numbers(&[Some(1), Some(2), Some(3), Some(4)])),
                (
                    "internet_request_id",
                    numbers(&[Some(101), Some(104), Some(102), None]),
                ),
                ("gclid", texts(&codes)),
                (
                    "phone",
                    texts(&[None, None, None, Some("38 (044) 1111111")]),
                ),
            ],
        ),
        (
            "raw/google_ads_clicks",
            vec![(
                "gclid",
                texts(&[Some("g1"), Some("g2"), Some("gsession"), Some(" ")]),
            )],
        ),
        (
            "raw/fb_leads",
            vec![
                ("fb_lead_id", texts(&[Some("l1"), Some("l2"), Some("l3")])),
                (
                    "phone",
                    texts(&[Some("+380441111111"), Some("+380442222222"), None]),
                ),
            ],
        ),
    ];
    with_tables(program, tables)
}

/// What is left of a table's column.
fn left(program: &Program, table: &str, column: &str) -> String {
    let query = format!("select {column} from {table}");
    let said = said(program, &["sql", &query, "--lake", "lake", "--quiet"]);
    let (_, rows) = said.split_once(&format!("{column}\n")).unwrap();
    let (rows, _) = rows.split_once("\n---- stderr").unwrap();
    rows.trim_end_matches('\n').replace('\n', "|")
}

#[test]
fn what_others_share_stays_and_what_only_contacts_tie_goes() {
    let program = shared();
    assert_said!(program.run(&["forget", "--client", "10", "--lake", "lake"]));
    for (table, column, expected) in [
        ("stg.crm_events", "id_source", "3|4"),
        ("stg.source_attribution", "id_source", "3|4"),
        // Request 102 is client 11's too.
        ("raw.itcrm_internet_request", "request_id", "102|103|105"),
        ("raw.itcrm_internet_request_relation", "id_source", "3|3"),
        // The rows of 101 and 104, and the one without a request by its phone, are gone.
        ("raw.itcrm_analytics", "id", "3"),
        // `gsession` stands in a row of request 102, and blanks name nothing.
        ("raw.google_ads_clicks", "gclid", "gsession| "),
        // The family's lead stays.
        ("raw.fb_leads", "fb_lead_id", "l2|l3"),
        ("raw.own_table", "client_id", "10"),
    ] {
        assert_eq!(left(&program, table, column), expected, "{table}");
    }
}

#[test]
fn hashed_contacts_tie_as_plain_ones_do() {
    let hashes = ["a1", "b2"].map(|pair| pair.repeat(32));
    let [own, other] = [Some(hashes[0].as_str()), Some(hashes[1].as_str())];
    let tables = [
        (
            "stg/crm_events",
            vec![
                ("id_source", numbers(&[Some(1), Some(2)])),
                ("client_id", numbers(&[Some(10), Some(11)])),
            ],
        ),
        (
            "stg/source_attribution",
            vec![
                ("id_source", numbers(&[Some(1), Some(2)])),
                ("email", texts(&[own, other])),
            ],
        ),
        (
            "raw/fb_leads",
            vec![
                ("fb_lead_id", texts(&[Some("l1"), Some("l2"), Some("l3")])),
                ("email", texts(&[own, other, None])),
            ],
        ),
    ];
    let program = with_tables(Program::new(), tables);
    forget(&program, "10", "lake");
    assert_eq!(left(&program, "raw.fb_leads", "fb_lead_id"), "l2|l3");
}

#[test]
fn a_client_must_be_named_by_a_number() {
    for arguments in [
        &["forget", "--lake", "lake"][..],
        &["forget", "--client", "Olena"],
    ] {
        let said = Program::new().run(arguments);
        assert!(said.starts_with("exit: 2\n"), "{said}");
    }
}
