//! The datasets against the second source, `tests/differential`: DuckDB.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, Decimal128Array, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::common::cast::as_decimal128_array;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::python::{python, said, succeed};

/// What the scripts import.
const NEEDS: [&str; 2] = ["duckdb", "pyarrow"];

/// How the scripts run the binary; they put in the folders and add the settings.
const PROGRAM: &str = concat!(
    "'",
    env!("CARGO_BIN_EXE_touchpath"),
    "' run --lake LAKE --out OUT --threads 2 --quiet"
);

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/differential")
        .join(name)
}

/// Twelve lakes, because each takes a second; `differential.py` takes any range by hand.
#[test]
fn random_lakes_give_what_duckdb_gives() {
    let output = python(&NEEDS)
        .arg(script("differential.py"))
        .args(["--program", PROGRAM, "--seeds", "0-11"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "12 of 12 lakes without a difference\n");
}

#[test]
fn the_hand_worked_cases_hold() {
    let output = python(&NEEDS)
        .arg(script("hand_cases.py"))
        .args(["--program", PROGRAM])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let cases = std::fs::read_dir(script("cases")).unwrap().count();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        told.lines().filter(|line| line.ends_with(": ok")).count(),
        cases,
        "{told}"
    );
}

/// Adds a cent to the last row of a money column.
fn plant_a_cent(file: &Path, column: &str) {
    let bytes = bytes::Bytes::from(std::fs::read(file).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
    let place = rows.schema().index_of(column).unwrap();
    let money = as_decimal128_array(rows.column(place)).unwrap();
    let last = money.len() - 1;
    let changed: Decimal128Array = (0..=last)
        .map(|row| Some(money.value(row) + i128::from(row == last)))
        .collect();
    let changed = changed
        .with_precision_and_scale(money.precision(), money.scale())
        .unwrap();
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    columns[place] = std::sync::Arc::new(changed);
    let rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let file = std::fs::File::create(file).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_planted_cent_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let random = ["--seed", "0", "--clients", "20", "--contract-share", "0.3"];
    succeed(
        python(&NEEDS)
            .arg(script("random_lake.py"))
            .arg(at("lake"))
            .args(random),
    );
    for out in ["one", "other"] {
        succeed(
            python(&NEEDS)
                .arg(script("run_duckdb.py"))
                .args([at("lake"), at(out)]),
        );
    }
    let compare = || {
        let mut command = python(&NEEDS);
        command
            .arg(script("compare.py"))
            .args([at("one"), at("other")]);
        command
    };
    succeed(&mut compare());

    plant_a_cent(
        &at("other/attribution_credit/part-00000.parquet"),
        "revenue",
    );
    let output = compare().output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("column `revenue` differs in 1 rows"),
        "{told}"
    );
}
