//! Exports in a process of their own, for what belongs to a process: its environment, its memory.

use std::path::Path;
use std::process::Command;

use touchpath::error::Failure;
use touchpath::export::{Database, ExportRequest, UrlSource, export};
use touchpath::storage::{Location, StoreOptions};

use super::{Lake, at, postgres};

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
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!(
        "{}",
        status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap()
    );
}

/// The most memory that a process of its own needs for a table of so many rows, in KiB.
async fn peak_memory(database: &postgres::Database, rows: u32) -> u64 {
    let sql = format!(
        "drop table if exists public.t;
         create table public.t as
         select id, md5(id::text) as hash, repeat('x', id % 200) as pad, id % 7 as small,
                (id * 1.25)::numeric(12,2) as amount, timestamp '2025-01-01' + id * interval '1 s' as moment
         from generate_series(1, {rows}) as id;
         alter table public.t add primary key (id)"
    );
    database.client().await.batch_execute(&sql).await.unwrap();
    let text = export_apart(&database.url(), &Lake::create(), &[]);
    assert!(text.contains(&format!("exported {rows} row")), "{text}");
    let (_, peak) = text.split_once("VmHWM:").unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn memory_does_not_grow_with_the_table() {
    let database = postgres::Database::create("memory").await;
    let mut peaks = Vec::new();
    for rows in [3_000_000, 12_000_000] {
        peaks.push(peak_memory(&database, rows).await);
        println!("{rows} rows: {} MiB", peaks.last().unwrap() / 1024);
    }
    assert!(peaks[1] < peaks[0] + 32 * 1024, "{peaks:?}");
}
