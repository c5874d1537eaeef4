//! The manual of the datasets is what the query files say.

use std::path::Path;

use touchpath::pipeline::describe::manual;
use touchpath::pipeline::order::datasets;

#[test]
fn the_manual_of_the_datasets_is_what_the_query_files_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/datasets.md");
    let page = manual(&datasets(None).unwrap());
    if std::env::var_os("TOUCHPATH_BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == page,
        "docs/datasets.md is stale; TOUCHPATH_BLESS=1 writes it anew"
    );
}
