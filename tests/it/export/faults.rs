//! Exports whose connection breaks, and exports that are killed.
//!
//! A proxy cuts, stalls, truncates or garbles the server's bytes at seeded places; then the
//! lake shows the earlier export whole, or the new one with exactly its rows, and later exports
//! succeed. `TOUCHPATH_FAULT_RUNS` sets how many seeds are tried, `TOUCHPATH_FAULT_SEED` the
//! first of them.
//!
//! What no client can notice without TLS is not asked: a bit of a value that is another, and
//! missing bytes that happen to reach from the middle of one row to the same place of another.
//! After a flipped bit the rows must be as many as before, and no more than that. One that turns
//! a message of the protocol into another can leave the driver waiting with a request that it
//! believes unanswered, and it does not look at its socket then (seed 1140): such an export is
//! given up after [`PATIENCE`], and must have published nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::{StreamExt, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use touchpath::export::{ExportError, ExportRequest, Mode, export};
use touchpath::lake;
use touchpath::lake::exports::{self, ExportManifest};

use super::proxy::{Fault, Harm, Proxy};
use super::{Lake, at, postgres, printed, request};
use crate::program::Program;

/// How long an export may take.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: [&str; 3] = ["public.a", "public.b", "public.c"];

/// Three tables of some 250 KB each, all columns of which are compared.
const CREATE: &str = "\
    create table public.a (id bigint primary key, amount numeric(12,2), moment timestamp, \
        flag boolean, note text);
    insert into public.a select id, id * 1.25, timestamp '2025-01-01' + id * interval '1 s', \
        nullif(id % 3, 0) = 1, repeat(md5(id::text), (id % 7)::int) || id \
        from generate_series(1, 1500) as id;
    create table public.b as select * from public.a;
    create table public.c (like public.a);
    insert into public.c select * from public.a order by md5(id::text);
    alter table public.c add primary key (id);
    analyze;";

/// Afterwards every table has other rows than in the first export.
const CHANGE: &str = "\
    update public.a set amount = amount + 1;
    delete from public.b where id <= 100;
    update public.c set note = note || '.';
    analyze;";

/// The contents of the listed tables' files, as readers find them.
async fn seen(lake: &Lake) -> Vec<Vec<u8>> {
    let tables = lake::tables(&lake.location, "public").await.unwrap();
    let files = tables.iter().flat_map(|table| &table.files);
    files
        .map(|file| std::fs::read(lake.file(file)).unwrap())
        .collect()
}

/// Every value of a Parquet file, as Postgres would print it.
pub(super) fn texts(bytes: Vec<u8>) -> Vec<Vec<Option<String>>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
        .unwrap()
        .build()
        .unwrap();
    let mut rows = Vec::new();
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%d %H:%M:%S"));
    for batch in reader {
        let batch = batch.unwrap();
        let formatters: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().zip(&formatters);
            rows.push(
                values
                    .map(|(column, shown)| {
                        column.is_valid(row).then(|| shown.value(row).to_string())
                    })
                    .collect(),
            );
        }
    }
    rows
}

/// Whether the files hold the tables' rows, all columns compared.
async fn assert_tables(client: &tokio_postgres::Client, seen: &[Vec<u8>]) {
    assert_eq!(seen.len(), TABLES.len());
    for (table, bytes) in TABLES.iter().zip(seen) {
        let sql = format!(
            "select id, amount, moment, case when flag then 'true' when not flag then 'false' \
             end, note from {table} order by id"
        );
        let mut rows = texts(bytes.clone());
        rows.sort_by_key(|row| row[0].as_ref().unwrap().parse::<i64>().unwrap());
        assert!(rows == printed(client, &sql).await, "{table}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The lake before and what a right export makes of it.
struct Ground {
    database: postgres::Database,
    lake: Lake,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
}

async fn ground(name: &str) -> Ground {
    let database = postgres::Database::create(name).await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    let lake = Lake::create();
    let request = request(&database.url(), &lake, &TABLES);
    run(&request, 0).await.unwrap();
    let before = seen(&lake).await;
    assert_tables(&client, &before).await;
    client.batch_execute(CHANGE).await.unwrap();
    let right = Lake::create();
    copy_folder(lake.folder.path(), right.folder.path());
    let mut request = request;
    request.lake = right.location.clone();
    run(&request, 1).await.unwrap();
    let after = seen(&right).await;
    assert_tables(&client, &after).await;
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before != after)
    );
    Ground {
        database,
        lake,
        before,
        after,
    }
}

async fn run(request: &ExportRequest, second: u32) -> Result<ExportManifest, ExportError> {
    let exported = export(request, || at(second), &|_| ());
    tokio::time::timeout(PATIENCE, exported)
        .await
        .expect("the export hangs")
}

/// What a seed does to which connection.
fn fault(random: &mut ChaCha8Rng, jobs: usize) -> Fault {
    let harm = match random.random_range(0..6) {
        0 => Harm::Reset,
        1 => Harm::Close,
        2 => Harm::Stall,
        3 | 4 => Harm::Drop(random.random_range(1..400)),
        _ => Harm::Flip(random.random()),
    };
    // The first connection plans, the others read: some 700 KB between them.
    let connection = random.random_range(0..=jobs);
    let most = match (connection, random.random_bool(0.3)) {
        (0, _) | (_, true) => 12_000,
        _ => 650_000 / jobs as u64,
    };
    Fault {
        connection,
        offset: random.random_range(0..most),
        harm,
    }
}

/// How an export with a fault went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    NotReached,
    Survived,
    Failed,
    /// Only after a flipped bit.
    GivenUp,
}

async fn try_seed(ground: &Ground, seed: u64) -> Outcome {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let jobs = random.random_range(1..=2);
    let fault = fault(&mut random, jobs);
    let said = format!("seed {seed}, {jobs} jobs, {fault:?}");
    let lake = Lake::create();
    copy_folder(ground.lake.folder.path(), lake.folder.path());
    let url = ground.database.url();
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let proxy = Proxy::start(port, fault).await;
    let through = url.replace(&port.to_string(), &proxy.port.to_string());
    let mut harmed = request(&through, &lake, &TABLES);
    harmed.jobs = jobs;
    let exported = export(&harmed, || at(2), &|_| ());
    let outcome = tokio::time::timeout(PATIENCE, exported).await.ok();
    let is_flip = matches!(fault.harm, Harm::Flip(_));
    assert!(outcome.is_some() || is_flip, "{said}: the export hangs");
    assert_outcome(ground, &lake, outcome.as_ref(), (is_flip, &said)).await;
    let reached = proxy.was_reached();
    drop(proxy);
    assert_later_exports(ground, &lake, (is_flip, jobs, &said), random.random()).await;
    match outcome {
        _ if !reached => Outcome::NotReached,
        Some(Ok(_)) => Outcome::Survived,
        Some(Err(_)) => Outcome::Failed,
        None => Outcome::GivenUp,
    }
}

/// What readers find after the harmed export.
async fn assert_outcome(
    ground: &Ground,
    lake: &Lake,
    outcome: Option<&Result<ExportManifest, ExportError>>,
    (is_flip, said): (bool, &str),
) {
    let has_panicked = matches!(
        outcome,
        Some(Err(ExportError::Worker { .. } | ExportError::Encoder { .. }))
    );
    assert!(!has_panicked, "{said}: {outcome:?}");
    let found = seen(lake).await;
    match outcome {
        Some(Err(_)) | None => assert!(
            found == ground.before,
            "{said}: the earlier export is not whole"
        ),
        Some(Ok(_)) if is_flip => {
            for (table, (found, right)) in found.iter().zip(&ground.after).enumerate() {
                let [found, right] = [found, right].map(|bytes| texts(bytes.clone()).len());
                assert_eq!(found, right, "{said}: rows of table {table}");
            }
        }
        Some(Ok(_)) => assert!(found == ground.after, "{said}: wrong rows were published"),
    }
}

/// An export that goes on and a fresh one, in one order or the other.
async fn assert_later_exports(
    ground: &Ground,
    lake: &Lake,
    (is_flip, jobs, said): (bool, usize, &str),
    is_reversed: bool,
) {
    let mut modes = [Mode::Resume, Mode::Fresh];
    if is_reversed {
        modes.reverse();
    }
    for (second, mode) in (3..).zip(modes) {
        let mut next = request(&ground.database.url(), lake, &TABLES);
        next.mode = mode;
        next.jobs = jobs;
        // A flipped bit may stand in what was read before.
        let is_trusted = !is_flip || second > 3 || mode == Mode::Fresh;
        let outcome = run(&next, second).await;
        assert!(outcome.is_ok(), "{said}, then {mode:?}: {outcome:?}");
        let manifest = outcome.unwrap();
        assert!(manifest.is_one_snapshot, "{said}, then {mode:?}");
        let found = seen(lake).await;
        assert!(
            !is_trusted || found == ground.after,
            "{said}, then {mode:?}: wrong rows were published"
        );
        if mode == Mode::Resume && second == 3 {
            assert_no_leftovers(lake, said);
        }
    }
}

fn has_ending(file: &str, ending: &str) -> bool {
    Path::new(file).extension().is_some_and(|it| it == ending)
}

/// Nothing staged, no working folder, no file that no manifest lists. A plan that was not yet
/// whole when its export was killed cannot be taken up, and may be somebody's who is at work.
fn assert_no_leftovers(lake: &Lake, said: &str) {
    let files = lake.files();
    let is_leftover = |file: &&String| {
        has_ending(file, "part")
            || file.contains(".working") && !file.contains(".working/plan.json#")
    };
    let left: Vec<&String> = files.iter().filter(is_leftover).collect();
    assert!(left.is_empty(), "{said}: {left:?} is left");
    let parquet = files.iter().filter(|file| has_ending(file, "parquet"));
    assert_eq!(parquet.count(), TABLES.len(), "{said}: {files:?}");
}

fn number_from(variable: &str, default: u64) -> u64 {
    let text = std::env::var_os(variable);
    text.map_or(default, |text| text.to_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_harmed_connection_never_publishes_missing_rows() {
    let ground = ground("faults").await;
    let first = number_from("TOUCHPATH_FAULT_SEED", 1);
    let count = number_from("TOUCHPATH_FAULT_RUNS", 60);
    let outcomes: Vec<Outcome> = stream::iter(first..first + count)
        .map(|seed| try_seed(&ground, seed))
        .buffer_unordered(4)
        .collect()
        .await;
    let of = |kind| outcomes.iter().filter(|outcome| **outcome == kind).count();
    let (survived, failed) = (of(Outcome::Survived), of(Outcome::Failed));
    println!(
        "{count} seeds from {first}: {survived} survived, {failed} failed cleanly, {} given up, {} not reached",
        of(Outcome::GivenUp),
        of(Outcome::NotReached)
    );
    // A proxy that does no harm would prove nothing.
    assert!(count < 30 || survived >= 5 && failed >= 5, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_truncated_behind_a_lost_first_connection_is_not_published_empty() {
    let database = postgres::Database::create("lost_locks").await;
    let client = database.client().await;
    client.batch_execute(CREATE).await.unwrap();
    let lake = Lake::create();
    let url = database.url();
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    // The only reader is held in its first table.
    let hold = Fault {
        connection: 1,
        offset: 60_000,
        harm: Harm::Hold,
    };
    let proxy = Proxy::start(port, hold).await;
    let through = url.replace(&port.to_string(), &proxy.port.to_string());
    let request = request(&through, &lake, &TABLES);
    let exporting = tokio::spawn(async move { run(&request, 0).await });
    proxy.reached().await;
    let first = "select pg_terminate_backend(pid) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid() and query not ilike 'copy%'";
    assert_eq!(printed(&client, first).await.len(), 1);
    let truncating = tokio::spawn(async move {
        client
            .batch_execute("set lock_timeout = '2s'; truncate public.c")
            .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.release();
    let outcome = exporting.await.unwrap();
    let truncated = truncating.await.unwrap();
    assert!(
        outcome.is_err(),
        "{outcome:?}, truncated: {truncated:?}: the snapshot was not kept to the end"
    );
    assert!(lake.files().iter().all(|file| !has_ending(file, "parquet")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_export_is_refused_and_is_not_taken_up() {
    let ground = ground("overtaken").await;
    let url = ground.database.url();
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let hold = Fault {
        connection: 1,
        offset: 60_000,
        harm: Harm::Hold,
    };
    let proxy = Proxy::start(port, hold).await;
    let through = url.replace(&port.to_string(), &proxy.port.to_string());
    let slow = request(&through, &ground.lake, &TABLES);
    let slow = tokio::spawn(async move { run(&slow, 2).await });
    proxy.reached().await;
    let mut next = request(&url, &ground.lake, &TABLES[..1]);
    run(&next, 3).await.unwrap();
    proxy.release();
    let error = slow.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, ExportError::Overtaken { table, .. } if table == "public.a"),
        "{error:?}"
    );
    let found = seen(&ground.lake).await;
    assert!(found[0] == ground.after[0] && found[1..] == ground.before[1..]);
    // Its parts are whole and of no use.
    next.mode = Mode::Resume;
    let manifest = run(&next, 4).await.unwrap();
    assert_eq!(
        (manifest.export.as_str(), manifest.tables[0].stood),
        ("20250304T101504.000000Z", 0)
    );
}

/// Whether the journal of an export that runs now has a part; its folder may go meanwhile.
fn has_noted_a_part(lake: &Lake) -> bool {
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    };
    let exports = lake.file("_exports");
    let working = names(&exports)
        .into_iter()
        .filter(|name| name.ends_with(".working"));
    working
        .flat_map(|name| names(&exports.join(name)))
        .any(|file| has_ending(&file, "json") && file != "plan.json")
}

/// Kills an export when `is_time`; returns whether it had got to its end before.
fn kill_when(program: &Program, arguments: &[&str], is_time: impl Fn() -> bool) -> bool {
    let mut command = program.command(arguments);
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let was_over = loop {
        if child.try_wait().unwrap().is_some() {
            break true;
        }
        if is_time() {
            break false;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    was_over
}

fn arguments<'a>(lake: &'a Lake, more: &[&'a str]) -> Vec<&'a str> {
    let lake = lake.folder.path().to_str().unwrap();
    let mut all = vec!["export", "--lake", lake, "--jobs", "2"];
    all.extend(TABLES);
    all.extend(more);
    all
}

fn run_program(program: &Program, lake: &Lake, more: &[&str]) -> String {
    program.run(&arguments(lake, more))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_leaves_the_earlier_one_and_is_taken_up() {
    let ground = ground("kills").await;
    let url = ground.database.url();
    let program = Program::new().with("TOUCHPATH_FROM", &url);
    let whole = Lake::create();
    let started = Instant::now();
    let said = run_program(&program, &whole, &[]);
    let duration = started.elapsed();
    assert!(said.starts_with("exit: 0"), "{said}");
    let first = number_from("TOUCHPATH_FAULT_SEED", 1);
    let count = number_from("TOUCHPATH_FAULT_RUNS", 60) / 4;
    let (mut stood, mut unfinished) = (0, 0);
    for seed in first..first + count {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let pause = match seed % 3 {
            0 => Duration::from_secs(30),
            _ => duration.mul_f64(random.random_range(0.1..1.1)),
        };
        let lake = Lake::create();
        copy_folder(ground.lake.folder.path(), lake.folder.path());
        // Now at any moment, now as soon as a first part is noted.
        let began = Instant::now();
        let is_noted = || has_noted_a_part(&lake);
        let was_over = kill_when(&program, &arguments(&lake, &[]), || {
            began.elapsed() >= pause || (seed % 3 == 0 && is_noted())
        });
        let is_published = exports::list(&lake.location).await.unwrap().len() == 2;
        let found = seen(&lake).await;
        let right = if is_published {
            &ground.after
        } else {
            &ground.before
        };
        assert!(found == *right, "seed {seed}, killed after {pause:?}");
        assert!(is_published || !was_over, "seed {seed}");
        unfinished += u32::from(!is_published);

        let said = run_program(&program, &lake, &["--resume"]);
        let case = format!("seed {seed}, killed after {pause:?}: {said}");
        assert!(said.starts_with("exit: 0"), "{case}");
        for table in TABLES {
            assert!(said.contains(&format!("{table}: ")), "{case}");
        }
        stood += said
            .matches(": 1 of 1 parts of the killed export stood")
            .count();
        assert!(seen(&lake).await == ground.after, "{case}");
        assert_no_leftovers(&lake, &case);
    }
    println!(
        "{count} kills from seed {first} within {duration:?}: {unfinished} unfinished, {stood} parts stood"
    );
    assert!(
        count < 10 || unfinished > 2 && stood > 0,
        "{unfinished} unfinished, {stood} stood"
    );
}
