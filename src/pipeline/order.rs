//! Which query files there are, and in which order they are computed.
//!
//! In: the built-in files and a folder of the user's. Out: the files in an order in which
//! each comes after what it reads. A user's file replaces the built-in one of the same
//! folder and name, or is new.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::pipeline::dataset::{Dataset, DatasetError, FOLDERS};

/// The rank of the folder of audits, which is the last.
const AUDITS: usize = FOLDERS.len() - 1;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// The built-in query files by path, `<folder>/<name>.sql`.
fn built_in() -> BTreeMap<String, String> {
    let folders = BUILT_IN.dirs().flat_map(Dir::files);
    folders
        .filter_map(|file| {
            let path = file.path().to_str()?;
            Some((path.to_owned(), file.contents_utf8()?.to_owned()))
        })
        .collect()
}

/// Reads the query files below a user's folder.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, DatasetError> {
    let failure = |file: &Path, error: &std::io::Error| DatasetError::Sql {
        file: file.display().to_string(),
        reason: error.to_string(),
    };
    let mut files = BTreeMap::new();
    let listed = std::fs::read_dir(folder).map_err(|error| failure(folder, &error))?;
    for entry in listed {
        let below = entry.map_err(|error| failure(folder, &error))?.path();
        if !below.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&below).map_err(|error| failure(&below, &error))? {
            let file = entry.map_err(|error| failure(&below, &error))?.path();
            if file.extension().is_some_and(|extension| extension == "sql") {
                let text =
                    std::fs::read_to_string(&file).map_err(|error| failure(&file, &error))?;
                let name = file.strip_prefix(folder).unwrap_or(&file);
                files.insert(name.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    Ok(files)
}

/// Every query file, each after what it reads; ties by folder and name.
///
/// # Errors
/// [`DatasetError`] for a file that does not parse, reads a later folder, or is in a circle.
pub fn datasets(user_folder: Option<&Path>) -> Result<Vec<Dataset>, DatasetError> {
    let mut files = built_in();
    if let Some(folder) = user_folder {
        files.extend(read_folder(folder)?);
    }
    let parsed: Result<Vec<Dataset>, DatasetError> = files
        .iter()
        .map(|(path, text)| Dataset::parse(path, text))
        .collect();
    in_order(parsed?)
}

fn in_order(mut waiting: Vec<Dataset>) -> Result<Vec<Dataset>, DatasetError> {
    waiting.sort_by(|left, right| {
        (left.folder_rank(), &left.name).cmp(&(right.folder_rank(), &right.name))
    });
    let rank: BTreeMap<String, usize> = waiting
        .iter()
        .map(|dataset| (dataset.name.clone(), dataset.folder_rank()))
        .collect();
    for dataset in &waiting {
        let later = dataset.reads.iter().find(|table| {
            rank.get(*table)
                .is_some_and(|rank| *rank > dataset.folder_rank())
        });
        if let Some(table) = later {
            return Err(DatasetError::ReadsLater {
                file: dataset.file(),
                table: table.clone(),
            });
        }
    }
    for dataset in &waiting {
        let is_there = |audit: &String| rank.get(audit) == Some(&AUDITS);
        if let Some(audit) = dataset.audits.iter().find(|audit| !is_there(audit)) {
            return Err(DatasetError::NoAudit {
                file: dataset.file(),
                audit: audit.clone(),
            });
        }
    }
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|dataset| {
            dataset
                .reads
                .iter()
                .all(|table| !rank.contains_key(table) || done.contains(table))
        });
        let Some(ready) = ready else {
            let files = waiting.iter().map(Dataset::file).collect();
            return Err(DatasetError::Circle { files });
        };
        let dataset = waiting.remove(ready);
        done.insert(dataset.name.clone());
        ordered.push(dataset);
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(path: &str, reads: &str) -> Dataset {
        Dataset::parse(
            path,
            &format!("-- x\n-- grain: a\nselect 1 as a from {reads}"),
        )
        .unwrap()
    }

    #[test]
    fn the_built_in_files_can_be_ordered() {
        let names: Vec<String> = datasets(None)
            .unwrap()
            .into_iter()
            .map(|dataset| dataset.name)
            .collect();
        let place = |name: &str| names.iter().position(|found| found == name).unwrap();
        assert!(place("touches") < place("fact_events"));
        assert!(place("fact_events") < place("fact_contracts"));
        assert!(place("fact_contracts") < place("summary"));
    }

    #[test]
    fn a_file_comes_after_what_it_reads_whatever_its_name() {
        let ordered = in_order(vec![
            dataset("results/a.sql", "b"),
            dataset("results/b.sql", "z"),
            dataset("facts/z.sql", "stg.events"),
        ]);
        let names: Vec<String> = ordered
            .unwrap()
            .into_iter()
            .map(|dataset| dataset.name)
            .collect();
        assert_eq!(names, ["z", "b", "a"]);
    }

    #[test]
    fn a_circle_and_a_look_ahead_are_refused_by_name() {
        let error = in_order(vec![
            dataset("facts/a.sql", "b"),
            dataset("facts/b.sql", "a"),
        ]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "these query files read one another in a circle: facts/a.sql, facts/b.sql"
        );
        let error = in_order(vec![
            dataset("facts/a.sql", "b"),
            dataset("results/b.sql", "stg.x"),
        ]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "`facts/a.sql` reads `b`, which is computed later"
        );
    }
}
