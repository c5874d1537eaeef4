//! Lakes for the tests, and what runs left behind, as bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::prelude::SessionContext;

use crate::program::Program;

/// The committed synthetic lake.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")
}

/// A copy of the synthetic lake as `name` below a folder.
pub(crate) fn copy_demo(folder: &Path, name: &str) -> PathBuf {
    let copy = folder.join(name);
    for schema in ["raw", "stg"] {
        for (path, bytes) in files(&demo().join(schema)) {
            let file = copy.join(schema).join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }
    copy
}

/// A small lake, hand-made: client 10 comes by a form, then by google, and signs for 1000.00;
/// client 11 touches once.
const SMALL: [(&str, &str); 4] = [
    (
        "stg/crm_events",
        "select column1 as id_source, column2 as client_id,
                cast(column3 as timestamp) as event_date
         from (values (1, 10, '2025-01-02 09:00:00'), (2, 10, '2025-01-05 10:00:00'),
                      (3, 11, '2025-01-06 11:00:00'))",
    ),
    (
        "stg/source_attribution",
        "select column1 as id_source, column2 as source_type
         from (values (1, 'web form'), (2, 'unknown'), (3, 'referral'))",
    ),
    (
        "stg/marketing_match",
        "select 2 as id_source, 'google' as matched_platform, 'c1' as campaign_id,
                'Brand' as campaign_name",
    ),
    (
        "raw/itcrm_docs_clients",
        "select 7 as contract_id, 2 as id_source, date '2025-01-05' as currentdate,
                1000.00 as total_cost_of_the_contract",
    ),
];

/// A program beside the small lake `lake`, some of its tables made by other queries; a table
/// whose query is empty is left out.
pub(crate) async fn small(changes: &[(&str, &str)]) -> Program {
    let kept = SMALL
        .iter()
        .filter(|(table, _)| changes.iter().all(|(changed, _)| changed != table));
    let mut program = Program::new();
    for (table, query) in kept.chain(changes) {
        if !query.is_empty() {
            program = program.parquet(&format!("lake/{table}.parquet"), &rows(query).await);
        }
    }
    program
}

/// The rows of a query that reads no table.
async fn rows(query: &str) -> RecordBatch {
    let frame = SessionContext::new().sql(query).await.unwrap();
    let schema = std::sync::Arc::clone(frame.schema().inner());
    concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}

/// Every file below a folder, by its path in it; empty when there is no such folder.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(below) = waiting.pop() {
        for entry in std::fs::read_dir(below).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The Parquet files of the only run published below a folder, by `<dataset>/<file>`.
pub(crate) fn published(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for (path, bytes) in files(&out.join("runs")) {
        let (_, below) = path.split_once('/').unwrap();
        if below.ends_with(".parquet") {
            let doubled = found.insert(below.to_owned(), bytes).is_some();
            assert!(!doubled, "two runs below {}", out.display());
        }
    }
    assert!(!found.is_empty(), "no run below {}", out.display());
    found
}

/// Fails with the names of the files that are not the same on both sides.
pub(crate) fn assert_same_files(
    left: &BTreeMap<String, Vec<u8>>,
    right: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differing: Vec<&&String> = names
        .iter()
        .filter(|name| left.get(**name) != right.get(**name))
        .collect();
    assert!(differing.is_empty(), "{what}: {differing:?} differ");
}
