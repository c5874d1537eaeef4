//! The export against a real Postgres.
//!
//! One file per question; each test has a database and a lake of its own.

mod apart;
mod command;
mod concurrency;
mod connection;
mod connection_hosts;
mod connection_tls;
mod contract;
mod faults;
mod increments;
mod increments_lake;
mod keeper;
mod lake;
mod memory;
mod odd_tables;
mod parts;
mod privacy;
mod proxy;
mod types;
mod values;
mod versions;

use std::path::Path;

use chrono::{DateTime, TimeZone, Utc};
use tokio_postgres::SimpleQueryMessage;
use touchpath::error::{Exit, Failure};
use touchpath::export::{Database, ExportError, ExportRequest, UrlSource, export};
use touchpath::lake::exports::ExportManifest;
use touchpath::storage::{Location, StoreOptions};

use crate::postgres;

/// A lake in a folder of its own.
struct Lake {
    folder: tempfile::TempDir,
    location: Location,
}

impl Lake {
    fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        Self { folder, location }
    }

    fn file(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    /// Every file below the lake but those of exports that are not finished.
    fn finished_files(&self) -> Vec<String> {
        let mut files = self.files();
        files.retain(|file| !file.contains(".working/") && !is_staged(file));
        files
    }

    /// The only Parquet file of a table.
    fn only_part(&self, table: &str) -> std::path::PathBuf {
        let parts: Vec<String> = self
            .files()
            .into_iter()
            .filter(|file| file.starts_with(&format!("{table}/")) && file.ends_with(".parquet"))
            .collect();
        assert_eq!(parts.len(), 1, "{table} has the parts {parts:?}");
        self.file(&parts[0])
    }

    /// Every file below the lake, staged ones included.
    fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(
                        path.strip_prefix(root)
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .to_owned(),
                    );
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }
}

/// Whether a file waits for its export's end.
fn is_staged(file: &str) -> bool {
    file.rsplit('.').next() == Some("part")
}

fn at(second: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 3, 4, 10, 15, second).unwrap()
}

fn request(url: &str, lake: &Lake, tables: &[&str]) -> ExportRequest {
    ExportRequest::new(
        Database::parse(url, UrlSource::Argument, None).unwrap(),
        tables.iter().map(|table| (*table).to_owned()).collect(),
        lake.location.clone(),
    )
}

/// Exports at second `second` of the tests' clock.
async fn export_at(
    second: u32,
    database: &postgres::Database,
    lake: &Lake,
    tables: &[&str],
) -> Result<ExportManifest, ExportError> {
    export(
        &request(&database.url(), lake, tables),
        || at(second),
        &|_| (),
    )
    .await
}

/// The command line's view of an error: exit code and text.
fn failure(outcome: Result<ExportManifest, ExportError>) -> (Exit, String) {
    let failure = Failure::from(outcome.unwrap_err());
    (failure.exit, failure.to_string())
}

/// Rows as Postgres prints them.
async fn printed(client: &tokio_postgres::Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| {
        (0..row.len())
            .map(|column| row.get(column).map(str::to_owned))
            .collect()
    })
    .collect()
}
