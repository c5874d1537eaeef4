//! An export that is killed and taken up in its own snapshot, which a helper has kept.

use std::process::Stdio;
use std::time::{Duration, Instant};

use touchpath::lake::exports;

use super::{Lake, postgres, printed};
use crate::program::Program;

const LIMIT: Duration = Duration::from_secs(20);

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !is_so().await {
        assert!(Instant::now() < limit, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_goes_on_in_its_own_snapshot() {
    let database = postgres::Database::create("keeper_kept").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t (id bigint primary key);
             insert into public.t select generate_series(1, 1000);
             create view public.slow as
             select id, pg_sleep(0.01)::text as pause from public.t where id <= 300;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let folder = lake.folder.path().to_str().unwrap().to_owned();
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    let mut arguments = vec![
        "export",
        "public.t",
        "public.slow",
        "--lake",
        &folder,
        "--jobs",
        "1",
    ];
    let mut export = program.command(&arguments);
    let mut export = export
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the first part", async || {
        lake.files()
            .iter()
            .any(|file| file.ends_with(".working/0-0.json"))
    })
    .await;
    export.kill().unwrap();
    export.wait().unwrap();

    // The snapshot is kept, and with it the form of the tables.
    client
        .batch_execute("delete from public.t where id <= 10")
        .await
        .unwrap();
    let altered = client
        .batch_execute("set lock_timeout = '100ms'; alter table public.t add column more integer")
        .await;
    assert_eq!(altered.unwrap_err().code().unwrap().code(), "55P03");

    arguments.push("--resume");
    let said = program.run(&arguments);
    assert!(said.starts_with("exit: 0"), "{said}");
    assert!(
        said.contains("public.t: 1 of 1 parts of the killed export stood"),
        "{said}"
    );
    let manifest = exports::list(&lake.location).await.unwrap().pop().unwrap();
    let rows: Vec<u64> = manifest.tables.iter().map(|table| table.rows).collect();
    assert_eq!(rows, [1000, 300]);
    assert!(manifest.is_one_snapshot);
    let left = "select count(*) from pg_stat_activity \
                where datname = 'keeper_kept' and application_name like 'touchpath%'";
    until("no connection is left", async || {
        printed(&client, left).await == [[Some("0".to_owned())]]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_ends_leaves_no_keeper() {
    let database = postgres::Database::create("keeper_released").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.t as select 1 as id;
             create table public.bad as select 'NaN'::numeric(4,1) as n;",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let folder = lake.folder.path().to_str().unwrap().to_owned();
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    for (tables, code) in [(vec!["public.t"], 0), (vec!["public.t", "public.bad"], 2)] {
        let arguments = [vec!["export", "--lake", &folder], tables].concat();
        let said = program.run(&arguments);
        assert!(said.starts_with(&format!("exit: {code}")), "{said}");
        let left = "select count(*) from pg_stat_activity \
                    where datname = 'keeper_released' and application_name like 'touchpath%'";
        until("no connection is left", async || {
            printed(&client, left).await == [[Some("0".to_owned())]]
        })
        .await;
    }
}
