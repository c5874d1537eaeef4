//! The synthetic lake: what is committed is what the generator makes.

use std::collections::BTreeMap;
use std::path::Path;

use touchpath::demo::{DemoLake, write_lake};
use touchpath::storage::{Location, StoreOptions};

/// Every Parquet file below the folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for schema in ["raw", "stg"] {
        for table in std::fs::read_dir(folder.join(schema)).unwrap() {
            for file in std::fs::read_dir(table.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    found
}

async fn lake(scale: u32, seed: u64) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let location =
        Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
    write_lake(DemoLake::try_new(scale, seed).unwrap(), &location).await.unwrap();
    files(folder.path())
}

#[tokio::test]
async fn the_committed_lake_is_what_the_generator_makes() {
    let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo"));
    let made = lake(1, 1).await;
    assert_eq!(committed.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    for (name, bytes) in &committed {
        assert!(made[name] == *bytes, "{name} differs; `touchpath demo data/demo` renews it");
    }
}

#[tokio::test]
async fn another_seed_makes_other_rows() {
    let (one, two) = (lake(1, 1).await, lake(1, 2).await);
    for table in ["stg/crm_events", "raw/itcrm_analytics", "raw/itcrm_docs_clients"] {
        let file = format!("{table}/part-00000.parquet");
        assert!(one[&file] != two[&file], "{file}");
    }
}

#[tokio::test]
async fn the_same_scale_and_seed_make_the_same_bytes() {
    assert!(lake(3, 7).await == lake(3, 7).await);
}
