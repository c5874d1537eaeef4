//! What the program holds in memory while it exports, beside what it needs for nothing.

use std::process::Command;
use std::time::Duration;

use super::{Lake, postgres};

/// What an export may hold, and each of its workers.
const SHARED_KIB: u64 = 64 * 1024;
const WORKER_KIB: u64 = 64 * 1024;
/// What may come and go with the allocator's and the workers' timing.
const PLAY_KIB: u64 = 16 * 1024;

/// The most that the real program holds while it exports a table, in KiB.
fn peak(database: &postgres::Database, table: &str, jobs: u32) -> u64 {
    let lake = Lake::create();
    let jobs = jobs.to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_touchpath"))
        .args(["export", table, "--jobs", &jobs, "--quiet", "--lake"])
        .arg(lake.folder.path())
        .env_clear()
        .env("TOUCHPATH_FROM", database.url())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        // Its last reading before the end has the greatest figure; a process that has ended
        // has none.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        if let Some((_, figure)) = text.split_once("VmHWM:") {
            peak = figure.split_whitespace().next().unwrap().parse().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(program.wait().unwrap().success());
    assert!(peak > 0);
    peak
}

#[tokio::test]
async fn memory_is_bounded_and_does_not_grow_with_the_table() {
    let database = postgres::Database::create("memory").await;
    let client = database.client().await;
    for (table, rows) in [("none", 1), ("small", 300_000), ("large", 1_500_000)] {
        let sql = format!(
            "create table public.{table} as
             select id, id % 7 as small, md5(id::text) as hash, (id * 1.25)::numeric(12, 2) as amount,
                    timestamp '2025-01-01' + id * interval '1 s' as moment
             from generate_series(1, {rows}) as id;
             alter table public.{table} add primary key (id);
             vacuum analyze public.{table}"
        );
        for statement in sql.split(';') {
            client.batch_execute(statement).await.unwrap();
        }
    }
    let base = peak(&database, "public.none", 1);
    for jobs in [1, 2] {
        let small = peak(&database, "public.small", jobs);
        let large = peak(&database, "public.large", jobs);
        println!("{jobs} jobs: {base} KiB for one row, {small} for 300,000, {large} for 1,500,000");
        let limit = base + SHARED_KIB + WORKER_KIB * u64::from(jobs);
        assert!(large < limit, "{large} KiB, at most {limit}");
        // With two workers a small table may be one part, and one worker's.
        let other = if jobs == 1 { small } else { small + WORKER_KIB };
        assert!(large < other + PLAY_KIB, "{small} KiB grow to {large}");
    }
}

#[tokio::test]
async fn rows_of_fifty_mebibytes_pass() {
    let database = postgres::Database::create("wide").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t as
             select id, repeat('0123456789', 5242880) as wide from generate_series(1, 4) as id;
             alter table public.t add primary key (id)",
        )
        .await
        .unwrap();
    let peak = peak(&database, "public.t", 1);
    println!("four rows of 50 MiB: {} MiB", peak / 1024);
    // About thirteen times a row: its message and those that wait, batches that wait for the
    // encoder, the page, each grown by doubling.
    assert!(peak < 1024 * 1024, "{peak} KiB");
}
