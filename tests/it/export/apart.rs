//! Exports in a process of their own, for what belongs to a process: its environment.

use std::path::Path;
use std::process::Command;

use touchpath::error::Failure;
use touchpath::export::{Database, ExportRequest, UrlSource, export};
use touchpath::storage::{Location, StoreOptions};

use super::{Lake, at};

/// Exports `public.t` in a process of its own, with further variables, and returns its talk.
pub(crate) fn export_apart(url: &str, lake: &Lake, variables: &[(&str, &Path)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "export::apart::exporting_process",
            "--ignored",
            "--nocapture",
        ])
        .env("EXPORT_URL", url)
        .env("EXPORT_LAKE", lake.folder.path())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that `export_apart` starts"]
async fn exporting_process() {
    let variable = |name| std::env::var_os(name).unwrap().into_string().unwrap();
    let request = ExportRequest::new(
        Database::parse(&variable("EXPORT_URL"), UrlSource::Settings, None).unwrap(),
        vec!["public.t".to_owned()],
        Location::open(&variable("EXPORT_LAKE"), &StoreOptions::default()).unwrap(),
    );
    match export(&request, || at(0), &|_| ()).await {
        Ok(manifest) => println!("exported {} row", manifest.tables[0].rows),
        Err(error) => println!("{}", Failure::from(error)),
    }
}
