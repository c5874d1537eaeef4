//! The same rows give the same bytes, however they lie in files and however they are read.
//!
//! In: the demo lake and a random dirty one, as they are and with each table shuffled into
//! several files. Out: the Parquet files of a run, for 1, 2 and 8 threads and record batches
//! of 100, 1000 and 8192 rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Decimal128Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use touchpath::engine::{Engine, EngineOptions};
use touchpath::pipeline::parameters::Parameter;
use touchpath::pipeline::{Target, check_inputs, compute, order};
use touchpath::platform::RuleSet;
use touchpath::schema::RUN_INPUTS;
use touchpath::storage::{Location, StoreOptions};

use crate::lakes::{assert_same_files, copy_demo, published};
use crate::python::{python, succeed};

const TIME_ZONE: &str = "Europe/Kyiv";

/// What the results depend on beside the lake.
struct Settings {
    since: Option<NaiveDate>,
    lookback_days: Option<u32>,
    models: String,
}

/// The files of a run; it is not audited into a manifest, because only rows matter here.
async fn results(
    lake: &Path,
    settings: &Settings,
    (threads, batch_size): (usize, usize),
) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let open =
        |path: &Path| Location::open(path.to_str().unwrap(), &StoreOptions::default()).unwrap();
    let options = EngineOptions {
        threads,
        memory_bytes: 1 << 30,
        batch_size,
        time_zone: TIME_ZONE.to_owned(),
        rules: Arc::new(RuleSet::builtin("v10").unwrap()),
    };
    let engine = Engine::open(&open(lake), &options).await.unwrap();
    check_inputs(&engine, RUN_INPUTS, "lake", TIME_ZONE)
        .await
        .unwrap();
    engine
        .context()
        .register_batch("limits", no_limits())
        .unwrap();
    let parameters = BTreeMap::from([
        ("since".to_owned(), Parameter::Day(settings.since)),
        (
            "lookback_days".to_owned(),
            Parameter::Count(settings.lookback_days),
        ),
        (
            "models".to_owned(),
            Parameter::Text(settings.models.clone()),
        ),
    ]);
    let datasets = order::datasets(None).unwrap();
    let out = open(folder.path());
    let target = Target {
        out: &out,
        run: "run",
    };
    compute(&engine, &datasets, &parameters, target, &|_| ())
        .await
        .unwrap();
    published(folder.path())
}

fn no_limits() -> RecordBatch {
    let limits = Decimal128Array::from(Vec::<i128>::new()).with_precision_and_scale(38, 6);
    RecordBatch::try_from_iter_with_nullable([
        (
            "check",
            Arc::new(StringArray::from(Vec::<&str>::new())) as _,
            false,
        ),
        ("limit", Arc::new(limits.unwrap()) as _, true),
    ])
    .unwrap()
}

/// The Parquet files of a table, a folder or one file.
fn files_of(table: &Path) -> Vec<std::path::PathBuf> {
    if table.is_file() {
        return vec![table.to_owned()];
    }
    let mut files: Vec<_> = std::fs::read_dir(table)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The same lake with the rows of each input table in another order, in three files; the
/// first has one row, the rest is halved.
fn shuffle(lake: &Path, shuffled: &Path) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for table in RUN_INPUTS {
        let place = lake.join(table.schema).join(table.name);
        let place = if place.is_dir() {
            place
        } else {
            place.with_extension("parquet")
        };
        let mut batches = Vec::new();
        for file in files_of(&place) {
            let bytes = bytes::Bytes::from(std::fs::read(file).unwrap());
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
                .unwrap()
                .build()
                .unwrap();
            batches.extend(reader.map(Result::unwrap));
        }
        let schema = batches[0].schema();
        let rows = concat_batches(&schema, &batches).unwrap();
        let count = u32::try_from(rows.num_rows()).unwrap();
        let mut places: Vec<u32> = (0..count).collect();
        places.shuffle(&mut random);
        let folder = shuffled.join(table.schema).join(table.name);
        std::fs::create_dir_all(&folder).unwrap();
        let (one, rest) = places.split_at(1.min(places.len()));
        let (left, right) = rest.split_at(rest.len() / 2);
        for (number, places) in [one, left, right].into_iter().enumerate() {
            let rows = take_record_batch(&rows, &UInt32Array::from(places.to_vec())).unwrap();
            let file = std::fs::File::create(folder.join(format!("{number}.parquet"))).unwrap();
            let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None).unwrap();
            writer.write(&rows).unwrap();
            writer.close().unwrap();
        }
    }
}

/// A run of the synthetic lake takes seconds: each number of threads and of rows once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_lake_gives_the_same_bytes_in_any_order_with_any_threads_and_batches() {
    let folder = tempfile::tempdir().unwrap();
    let lake = copy_demo(folder.path(), "lake");
    let shuffled = folder.path().join("shuffled");
    shuffle(&lake, &shuffled);
    let settings = Settings {
        since: NaiveDate::from_ymd_opt(2025, 1, 1),
        lookback_days: None,
        models: "linear,time_decay,last_paid_touch".to_owned(),
    };
    let first = results(&lake, &settings, (1, 8192)).await;
    for (lake, how) in [(&shuffled, (2, 100)), (&lake, (8, 1000))] {
        let what = format!("{} with threads and batch rows {how:?}", lake.display());
        assert_same_files(&first, &results(lake, &settings, how).await, &what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dirty_lake_gives_the_same_bytes_in_any_order_with_any_threads_and_batches() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/random_lake.py");
    let seed = ["--seed", "5", "--clients", "60", "--contract-share", "0.3"];
    succeed(python(&["pyarrow"]).arg(script).arg(&lake).args(seed));
    let shuffled = folder.path().join("shuffled");
    shuffle(&lake, &shuffled);
    let settings = Settings {
        since: None,
        lookback_days: Some(30),
        models: "linear,time_decay,position_based,last_non_direct".to_owned(),
    };
    let first = results(&lake, &settings, (1, 8192)).await;
    let contracts = &first["fact_contracts/part-00000.parquet"];
    assert!(
        contracts.len() > 5000,
        "{} bytes are hardly a test",
        contracts.len()
    );
    for how in [(1, 100), (2, 1000), (8, 8192), (2, 100), (8, 100)] {
        let what = format!("shuffled, threads and batch rows {how:?}");
        assert_same_files(&first, &results(&shuffled, &settings, how).await, &what);
    }
}
