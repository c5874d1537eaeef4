//! Published runs: a run is a folder of result datasets, a commit makes it current.
//!
//! `runs/<run id>/<dataset>/*.parquet` is written first, then `runs/<run id>/manifest.json`,
//! then `commits/<20 digits>.json`, which is created and never overwritten: the highest
//! number is current. A reader sees the old run or the new one, whole. No store needs more
//! than create-if-absent for that, and [`publish`] makes sure that the store has it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::storage::{Location, ParquetRows, StorageError};

/// How often a writer that lost the race for a commit number tries the next one.
const COMMIT_ATTEMPTS: u32 = 64;

/// What can go wrong with published runs.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A manifest or a commit is not what we write.
    #[error("`{object}` is not a file of ours")]
    Corrupt {
        /// Which file.
        object: String,
        /// What the JSON parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest could not be written as JSON.
    #[error("cannot write the manifest of run `{run}`")]
    Manifest {
        /// Which run.
        run: String,
        /// What the JSON printer says.
        #[source]
        source: serde_json::Error,
    },
    /// The current commit names a run that is not there.
    #[error("commit {commit} names run `{run}`, which has no manifest at `{object}`")]
    Missing {
        /// The commit's number.
        commit: u64,
        /// The run it names.
        run: String,
        /// Where the manifest was looked for.
        object: String,
    },
    /// The store lets two writers create one object.
    #[error(
        "`{location}` overwrites objects that must only be created: publishing there is not safe"
    )]
    Unsafe {
        /// The output location.
        location: String,
    },
    /// Another run with the same id exists.
    #[error("run `{run}` exists already in `{location}`")]
    Exists {
        /// The run.
        run: String,
        /// The output location.
        location: String,
    },
    /// Other writers won every commit number we tried.
    #[error("other runs were published to `{location}` all the time; this one was not")]
    Contended {
        /// The output location.
        location: String,
    },
}

impl From<RunsError> for Failure {
    fn from(error: RunsError) -> Self {
        let failure = Self::new(Exit::Store, &error);
        match error {
            RunsError::Unsafe { .. } => failure
                .with_hint("use a store with conditional writes (`If-None-Match: *`), or a folder"),
            RunsError::Contended { .. } => failure.with_hint("try again"),
            _ => failure,
        }
    }
}

/// One dataset of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDataset {
    /// Its name.
    pub name: String,
    /// The columns that name a row.
    pub grain: Vec<String>,
    /// The columns its rows are sorted by, ascending, nulls last.
    pub order: Vec<String>,
    /// Its files, below the run's folder.
    pub files: Vec<String>,
    /// Its rows.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// One audit of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditOutcome {
    /// Its name.
    pub audit: String,
    /// How many rows break it; 0 is passed.
    pub bad_rows: u64,
    /// The first of them, readable.
    pub example: Option<String>,
}

/// What a run was asked to compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Touches before this day were left out.
    pub since: Option<String>,
    /// The attribution models, in their text form.
    pub models: Vec<String>,
    /// The lookback window in days; unlimited when absent.
    pub lookback_days: Option<u32>,
    /// Zoned times were converted to this zone.
    pub time_zone: String,
    /// The platform rule set's name.
    pub rules: String,
    /// The SHA-256 of the rule set's text.
    pub rules_hash: String,
}

/// Everything about one run but its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunManifest {
    /// The run's id.
    pub run: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When its manifest was written.
    pub finished_at: DateTime<Utc>,
    /// Which touchpath made it.
    pub version: String,
    /// Where its inputs lay.
    pub lake: String,
    /// What it was asked to compute.
    pub settings: RunSettings,
    /// Rows left out by reason, missing optional columns, and what else a reader must know.
    pub notes: Vec<String>,
    /// Its audits, failed ones first.
    pub audits: Vec<AuditOutcome>,
    /// Its datasets, in the order in which they were computed.
    pub datasets: Vec<PublishedDataset>,
}

impl RunManifest {
    /// The folder of a run below its output location.
    pub fn folder(run: &str) -> String {
        format!("runs/{run}")
    }
}

/// One commit: which run it made current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The run.
    pub run: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The commit's object.
fn commit_path(number: u64) -> String {
    format!("commits/{number:020}.json")
}

/// The numbers of all commits, ascending.
async fn commit_numbers(out: &Location) -> Result<Vec<u64>, StorageError> {
    let listed = out.list("commits").await?;
    let number = |path: &str| {
        path.strip_prefix("commits/")?
            .strip_suffix(".json")?
            .parse()
            .ok()
    };
    Ok(listed.iter().filter_map(|(path, _)| number(path)).collect())
}

/// Every commit, oldest first.
///
/// # Errors
/// [`RunsError::Corrupt`] when a commit is not readable, or the store's failure.
pub async fn commits(out: &Location) -> Result<Vec<(u64, Commit)>, RunsError> {
    let mut commits = Vec::new();
    for number in commit_numbers(out).await? {
        let path = commit_path(number);
        let Some(bytes) = out.read(&path).await? else {
            continue;
        };
        let commit = serde_json::from_slice(&bytes).map_err(|source| RunsError::Corrupt {
            object: out.describe(&path),
            source,
        })?;
        commits.push((number, commit));
    }
    Ok(commits)
}

/// The current run's manifest; `None` where nothing was published yet.
///
/// # Errors
/// [`RunsError::Missing`] or [`RunsError::Corrupt`] when the location is damaged.
pub async fn current(out: &Location) -> Result<Option<RunManifest>, RunsError> {
    let Some(number) = commit_numbers(out).await?.into_iter().max() else {
        return Ok(None);
    };
    let path = commit_path(number);
    let Some(bytes) = out.read(&path).await? else {
        return Ok(None);
    };
    let commit: Commit = serde_json::from_slice(&bytes).map_err(|source| RunsError::Corrupt {
        object: out.describe(&path),
        source,
    })?;
    match manifest(out, &commit.run).await? {
        Some(manifest) => Ok(Some(manifest)),
        None => Err(RunsError::Missing {
            commit: number,
            object: out.describe(&manifest_path(&commit.run)),
            run: commit.run,
        }),
    }
}

fn manifest_path(run: &str) -> String {
    format!("{}/manifest.json", RunManifest::folder(run))
}

/// One run's manifest, `None` when there is none.
///
/// # Errors
/// [`RunsError::Corrupt`] when it is not readable, or the store's failure.
pub async fn manifest(out: &Location, run: &str) -> Result<Option<RunManifest>, RunsError> {
    let path = manifest_path(run);
    let Some(bytes) = out.read(&path).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| RunsError::Corrupt {
            object: out.describe(&path),
            source,
        })
}

/// Counts rows and bytes of a dataset's files anew, after rows were taken out of them, and
/// corrects its run's manifest; `dataset` is its folder, `runs/<run>/<dataset>`.
///
/// # Errors
/// [`RunsError::Corrupt`] when the manifest is not readable, or the store's failure.
pub async fn measure_again(out: &Location, dataset: &str) -> Result<(), RunsError> {
    let Some((run, name)) = dataset
        .strip_prefix("runs/")
        .and_then(|path| path.split_once('/'))
    else {
        return Ok(());
    };
    let Some(mut manifest) = manifest(out, run).await? else {
        return Ok(()); // a run that was never published
    };
    let sizes: BTreeMap<String, u64> = out
        .list(dataset)
        .await?
        .into_iter()
        .map(|(path, meta)| (path, meta.size))
        .collect();
    let mut found = manifest.datasets.iter_mut();
    let Some(published) = found.find(|published| published.name == name) else {
        return Ok(());
    };
    published.rows = 0;
    published.bytes = 0;
    for file in &published.files {
        let path = format!("{}/{file}", RunManifest::folder(run));
        published.rows += ParquetRows::open(out, &path).await?.rows();
        published.bytes += sizes.get(&path).copied().unwrap_or(0);
    }
    let text = manifest_text(&manifest)?;
    Ok(out.write(&manifest_path(run), text).await?)
}

fn manifest_text(manifest: &RunManifest) -> Result<Vec<u8>, RunsError> {
    serde_json::to_vec_pretty(manifest).map_err(|source| RunsError::Manifest {
        run: manifest.run.clone(),
        source,
    })
}

/// Makes a run whose files are written the current one; returns the commit's number.
///
/// # Errors
/// [`RunsError::Unsafe`] where the store cannot create exclusively, [`RunsError::Contended`]
/// when others won every number tried, or the store's failure: the old run then stays current.
pub async fn publish(out: &Location, manifest: &RunManifest) -> Result<u64, RunsError> {
    probe(out, &manifest.run).await?;
    let text = manifest_text(manifest)?;
    if !out.create(&manifest_path(&manifest.run), text).await? {
        return Err(RunsError::Exists {
            run: manifest.run.clone(),
            location: out.to_string(),
        });
    }
    let commit = Commit {
        run: manifest.run.clone(),
        at: manifest.finished_at,
    };
    let text = serde_json::to_vec(&commit).map_err(|source| RunsError::Manifest {
        run: manifest.run.clone(),
        source,
    })?;
    for _ in 0..COMMIT_ATTEMPTS {
        let next = commit_numbers(out).await?.into_iter().max().unwrap_or(0) + 1;
        if out.create(&commit_path(next), text.clone()).await? {
            return Ok(next);
        }
    }
    Err(RunsError::Contended {
        location: out.to_string(),
    })
}

/// Creates one throw-away object twice: a store where both succeed cannot hold commits.
async fn probe(out: &Location, run: &str) -> Result<(), RunsError> {
    if out.is_local() {
        return Ok(()); // a hard link to an existing name fails on every file system we know
    }
    let path = format!("{}/_probe", RunManifest::folder(run));
    out.create(&path, "first").await?;
    let second = out.create(&path, "second").await?;
    out.delete(&path).await?;
    if second {
        Err(RunsError::Unsafe {
            location: out.to_string(),
        })
    } else {
        Ok(())
    }
}

/// Removes every object of a run that was not published.
///
/// # Errors
/// The store's failure; what was removed by then stays removed.
pub async fn discard(out: &Location, run: &str) -> Result<(), StorageError> {
    out.delete_folder(&RunManifest::folder(run)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StoreOptions;

    fn manifest_of(run: &str) -> RunManifest {
        RunManifest {
            run: run.to_owned(),
            started_at: DateTime::UNIX_EPOCH,
            finished_at: DateTime::UNIX_EPOCH,
            version: "0".to_owned(),
            lake: "lake".to_owned(),
            settings: RunSettings {
                since: None,
                models: Vec::new(),
                lookback_days: None,
                time_zone: "UTC".to_owned(),
                rules: "v10".to_owned(),
                rules_hash: String::new(),
            },
            notes: Vec::new(),
            audits: Vec::new(),
            datasets: Vec::new(),
        }
    }

    fn folder() -> (tempfile::TempDir, Location) {
        let folder = tempfile::tempdir().unwrap();
        let out = Location::open(folder.path().to_str().unwrap(), &StoreOptions::default());
        (folder, out.unwrap())
    }

    #[tokio::test]
    async fn the_highest_commit_is_current() {
        let (_folder, out) = folder();
        assert_eq!(current(&out).await.unwrap(), None);
        assert_eq!(publish(&out, &manifest_of("a")).await.unwrap(), 1);
        assert_eq!(publish(&out, &manifest_of("b")).await.unwrap(), 2);
        assert_eq!(current(&out).await.unwrap().unwrap().run, "b");
        let runs: Vec<String> = commits(&out)
            .await
            .unwrap()
            .into_iter()
            .map(|(_, commit)| commit.run)
            .collect();
        assert_eq!(runs, ["a", "b"]);
    }

    #[tokio::test]
    async fn sixteen_writers_get_sixteen_numbers() {
        let (_folder, out) = folder();
        let writers = (0..16).map(|n| {
            let out = out.clone();
            tokio::spawn(async move { publish(&out, &manifest_of(&format!("run-{n}"))).await })
        });
        let mut numbers = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            numbers.push(writer.await.unwrap().unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=16).collect::<Vec<u64>>());
    }

    #[tokio::test]
    async fn a_run_is_never_written_twice() {
        let (_folder, out) = folder();
        publish(&out, &manifest_of("a")).await.unwrap();
        let error = publish(&out, &manifest_of("a")).await.unwrap_err();
        assert!(matches!(error, RunsError::Exists { .. }), "{error}");
        assert_eq!(commits(&out).await.unwrap().len(), 1);
    }
}
