//! The synthetic lake: what is committed is what the generator makes.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use touchpath::demo::{DemoLake, write_lake};
use touchpath::storage::{Location, StoreOptions};

/// Every Parquet file below the folder, by its path in it.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn Error>> {
    let mut found = BTreeMap::new();
    for schema in ["raw", "stg"] {
        for table in std::fs::read_dir(folder.join(schema))? {
            for file in std::fs::read_dir(table?.path())? {
                let path = file?.path();
                let name = path.strip_prefix(folder)?.display().to_string();
                found.insert(name, std::fs::read(path)?);
            }
        }
    }
    Ok(found)
}

async fn lake(scale: u32, seed: u64) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let location = Location::open(
        &folder.path().display().to_string(),
        &StoreOptions::default(),
    )?;
    write_lake(DemoLake::try_new(scale, seed)?, &location, |_| {}).await?;
    files(folder.path())
}

#[tokio::test]
async fn the_committed_lake_is_what_the_generator_makes() {
    let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/demo")).unwrap();
    let made = lake(1, 1).await.unwrap();
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &committed {
        assert!(
            made[name] == *bytes,
            "{name} differs; `touchpath demo data/demo` renews it"
        );
    }
}

#[tokio::test]
async fn another_seed_makes_other_rows() {
    let (one, two) = (lake(1, 1).await.unwrap(), lake(1, 2).await.unwrap());
    for table in [
        "stg/crm_events",
        "raw/itcrm_analytics",
        "raw/itcrm_docs_clients",
    ] {
        let file = format!("{table}/part-00000.parquet");
        assert!(one[&file] != two[&file], "{file}");
    }
}

#[tokio::test]
async fn the_same_scale_and_seed_make_the_same_bytes() {
    assert!(lake(2, 7).await.unwrap() == lake(2, 7).await.unwrap());
}

#[test]
fn a_scale_of_zero_is_refused() {
    assert_eq!(
        DemoLake::try_new(0, 1).unwrap_err().to_string(),
        "scale 0 is not between 1 and 200000"
    );
}
