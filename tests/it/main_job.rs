//! `run`, `check` and `runs` as a user meets them: the published figures, and what each
//! mistake is answered with.

use std::path::Path;

use crate::lakes::{copy_demo, files, small};
use crate::program::Program;

const RUN: [&str; 3] = ["run", "--lake", "lake"];

/// What the program said, with what differs between runs taken out.
macro_rules! assert_run_said {
    ($said:expr) => {
        insta::with_settings!({
            filters => vec![
                (r"\d{8}T\d{6}\.\d{6}Z", "RUN"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00", "TIME"),
                (r"\d+(\.\d+)? [kMG]?B\b", "N BYTES"),
                (r"\d+\.\d s\b", "N.N s"),
                (r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME"),
            ],
            omit_expression => true,
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!($said) })
    };
}

/// The rows of a query over the current run, as CSV without its header.
fn rows(program: &Program, out: &str, query: &str) -> Vec<String> {
    let arguments = [
        "sql", query, "--lake", "lake", "--out", out, "--format", "csv",
    ];
    let output = program.command(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// The first table of section 7, in the order of its rows.
const BY_PLATFORM: &str = "
    select touch.platform, total_touches, unique_clients, first_touches,
           coalesce(contract.contracts, 0), clients_who_converted, total_revenue
    from prod.platform_touches as touch
    join prod.first_touch_vs_full as first on first.platform = touch.platform
    left join (select event_platform, count(*) as contracts
               from prod.fact_contracts group by event_platform) as contract
      on contract.event_platform = touch.platform
    order by total_touches desc, touch.platform";

/// The second table of section 7, to the printed digits: millions with one decimal, smaller sums
/// in full.
const BY_ATTRIBUTION: &str = "
    select attributed_platform, contracts,
           case when revenue < 1000000 then cast(revenue as text)
                else concat(cast(ratio(revenue, 1000000, 1) as text), ' M') end,
           avg_touches, avg_days
    from prod.contracts_by_platform
    order by contracts desc";

/// Section 7 of the semantics, cell by cell.
#[test]
fn the_demo_lake_gives_the_published_figures() {
    let program = Program::new();
    copy_demo(program.folder(), "lake");
    let arguments = [
        "run",
        "--lake",
        "lake",
        "--out",
        "out",
        "--since",
        "2025-01-01",
    ];
    let said = program.run(&arguments);
    assert!(said.starts_with("exit: 0\n"), "{said}");

    let summary = "select total_events, unique_clients, contracts, clients_with_contracts,
                          total_revenue, unique_platforms, data_multiplier from prod.summary";
    assert_eq!(
        rows(&program, "out", summary),
        ["17136,4570,424,294,25142227.00,9,3.75"]
    );
    let longest = "select max(touch_sequence_number), max(total_touches)
                   from prod.fact_events, (select max(total_touches) as total_touches
                                           from prod.client_funnel)";
    assert_eq!(rows(&program, "out", longest), ["23,23"]);

    assert_eq!(
        rows(&program, "out", BY_PLATFORM),
        [
            "unknown,14905,4519,4406,201,173,14524282.00",
            "paid_search,937,417,97,208,124,9843455.00",
            "facebook,564,213,17,0,0,0.00",
            "paid_social,385,148,24,0,0,0.00",
            "event,258,68,15,3,3,81750.00",
            "google,84,51,11,12,8,692740.00",
            "email,1,1,0,0,0,0.00",
            "form,1,1,0,0,0,0.00",
            "promo_messenger,1,1,0,0,0,0.00",
        ]
    );

    assert_eq!(
        rows(&program, "out", BY_ATTRIBUTION),
        [
            "unknown,313,20.2 M,7.6,10.2",
            "paid_search,82,3.6 M,3.9,2.3",
            "google,24,1.1 M,8.6,9.3",
            "facebook,3,112878.00,10.0,13.0",
            "event,2,59260.00,9.0,5.0",
        ]
    );
}

/// All paths at once are 4 MB: held as one batch, they failed in 8 MB.
#[test]
fn the_paths_of_all_clients_need_not_fit_into_memory() {
    let program = Program::new();
    copy_demo(program.folder(), "lake");
    let said = program.run(&["run", "--lake", "lake", "--since", "2025-01-01"]);
    assert!(said.starts_with("exit: 0\n"), "{said}");
    let query = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/queries/results/client_funnel.sql"
    );
    let limits = ["--memory", "4MB", "--threads", "2"];
    let said = program.run(&[&["sql", "-f", query, "--lake", "lake"], &limits[..]].concat());
    assert!(said.starts_with("exit: 0\n"), "{said}");
    assert!(said.contains("selected: 4,570 rows"), "{said}");
}

#[test]
fn a_run_of_the_demo_lake_prints_the_summary_and_notes() {
    let program = Program::new();
    copy_demo(program.folder(), "lake");
    let arguments = [
        "run",
        "--lake",
        "lake",
        "--since",
        "2025-01-01",
        "--format",
        "table",
    ];
    assert_run_said!(program.run(&arguments));
}

#[tokio::test]
async fn a_missing_table_is_answered_with_the_nearest_name() {
    let events = ("stg/crm_event", "select 1 as id_source");
    let program = small(&[("stg/crm_events", ""), events]).await;
    assert_run_said!(program.run(&RUN));
    assert!(!program.folder().join("lake/runs").exists());
}

#[tokio::test]
async fn a_missing_required_column_is_answered_with_the_nearest_name() {
    let documents = (
        "raw/itcrm_docs_clients",
        "select 7 as contract_id, 2 as id_source, date '2025-01-05' as currentdat,
                1000.00 as total_cost_of_the_contract",
    );
    let program = small(&[documents]).await;
    assert_run_said!(program.run(&RUN));
    assert!(!program.folder().join("lake/runs").exists());
}

#[tokio::test]
async fn missing_optional_columns_and_rows_left_out_are_noted() {
    let events = (
        "stg/crm_events",
        "select column1 as id_source, column2 as client_id,
                cast(column3 as timestamp) as event_date
         from (values (1, 10, '2025-01-02 09:00:00'), (2, 10, '2025-01-05 10:00:00'),
                      (3, null, '2025-01-06 11:00:00'), (4, 11, null),
                      (5, 11, '2024-12-31 23:59:59'))",
    );
    let program = small(&[events]).await;
    assert_run_said!(program.run(&["run", "--lake", "lake", "--since", "2025-01-01"]));
}

#[tokio::test]
async fn a_column_of_a_type_that_cannot_be_read_is_named() {
    let events = (
        "stg/crm_events",
        "select 1 as id_source, 10 as client_id, true as event_date",
    );
    let program = small(&[events]).await;
    assert_run_said!(program.run(&RUN));
}

/// Two keys stand twice; the smaller one is the example.
#[tokio::test]
async fn duplicate_keys_stop_the_run_before_anything_is_written() {
    let tables = [
        (
            "stg/crm_events",
            "select column1 as id_source, 10 as client_id,
                    timestamp '2025-01-02 09:00:00' as event_date
             from (values (5), (1), (2), (5), (2), (2))",
        ),
        (
            "stg/source_attribution",
            "select column1 as id_source from (values (5), (1), (2), (5), (2), (2))",
        ),
        (
            "stg/marketing_match",
            "select column1 as id_source from (values (5), (1), (2), (5), (2), (2))",
        ),
    ];
    let mut said = Vec::new();
    for table in tables {
        let program = small(&[table]).await;
        said.push(program.run(&RUN));
        assert!(!program.folder().join("lake/runs").exists());
    }
    assert_run_said!(said.join("\n"));
}

/// Every file and folder below a folder.
fn everything(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(below) = waiting.pop() {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            found.push(
                path.strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
            if path.is_dir() {
                waiting.push(path);
            }
        }
    }
    found.sort();
    found
}

/// One of three touches, client 11's, comes by referral; none is on `unknown` or `direct`.
/// Client 10's form is before its contract: no limit of that check is broken either.
const LIMITS: &str = "[limits]\n\"ties on event_date\" = 0\n\"contracts without amount\" = 0\n";

/// The document has no amount that counts, so that the staged contract is without one.
const NO_AMOUNT: (&str, &str) = (
    "stg/crm_events",
    "select column1 as id_source, column2 as client_id,
            cast(column3 as timestamp) as event_date, column1 = 3 as is_contract
     from (values (1, 10, '2025-01-02 09:00:00'), (2, 10, '2025-01-05 10:00:00'),
                  (3, 11, '2025-01-06 11:00:00'))",
);

#[tokio::test]
async fn a_limit_that_is_kept_fails_nothing() {
    let program = small(&[]).await.file("touchpath.toml", LIMITS);
    let said = program.run(&RUN);
    assert!(said.starts_with("exit: 0\n"), "{said}");
    let limited = "select \"check\", figure, \"limit\", passed from prod.quality
                   where \"check\" in ('ties on event_date', 'contracts without amount')
                   order by 1";
    assert_eq!(
        rows(&program, "lake", limited),
        [
            "contracts without amount,0.000000,0.000000,true",
            "ties on event_date,0.000000,0.000000,true"
        ]
    );
}

#[tokio::test]
async fn a_broken_limit_fails_the_run_and_nothing_is_published() {
    let program = small(&[NO_AMOUNT]).await.file("touchpath.toml", LIMITS);
    let before = everything(program.folder());
    assert_run_said!(program.run(&RUN));
    let after = everything(program.folder());
    let new: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
    assert!(new.iter().all(|path| *path == "lake/runs"), "{new:?}");
}

#[tokio::test]
async fn a_limit_of_no_check_is_named() {
    let limits = "[limits]\n\"ties on event_dat\" = 0\n";
    let program = small(&[]).await.file("touchpath.toml", limits);
    assert_run_said!(program.run(&RUN));
    assert!(files(&program.folder().join("lake/runs")).is_empty());
}

#[tokio::test]
async fn a_failed_run_leaves_the_current_run_current() {
    let program = small(&[NO_AMOUNT]).await;
    let said = program.run(&RUN);
    assert!(said.starts_with("exit: 0\n"), "{said}");
    let before = everything(&program.folder().join("lake"));
    let program = program.file("touchpath.toml", LIMITS);
    let said = program.run(&RUN);
    assert!(said.starts_with("exit: 1\n"), "{said}");
    assert_eq!(everything(&program.folder().join("lake")), before);
}

#[tokio::test]
async fn publish_failed_publishes_and_warns() {
    let program = small(&[NO_AMOUNT]).await.file("touchpath.toml", LIMITS);
    let said = program.run(&["run", "--lake", "lake", "--publish-failed"]);
    let listed = program.run(&["runs", "list", "--out", "lake"]);
    assert_run_said!(format!("{said}\n{listed}"));
}

#[tokio::test]
async fn check_shows_the_quality_table_and_publishes_nothing() {
    let program = small(&[]).await;
    let before = everything(program.folder());
    assert_run_said!(program.run(&["check", "--lake", "lake"]));
    assert_eq!(everything(program.folder()), before);
}

#[tokio::test]
async fn check_ends_with_1_when_an_audit_fails() {
    let program = small(&[NO_AMOUNT]).await.file("touchpath.toml", LIMITS);
    assert_run_said!(program.run(&["check", "--lake", "lake"]));
    assert!(!program.folder().join("lake/runs").exists());
}

#[tokio::test]
async fn runs_are_listed_with_the_current_one_last() {
    let program = small(&[]).await;
    let empty = program.run(&["runs", "list", "--out", "lake"]);
    for _ in 0..2 {
        let said = program.run(&["run", "--lake", "lake", "--quiet"]);
        assert!(said.starts_with("exit: 0\n"), "{said}");
    }
    let listed = program.run(&["runs", "list", "--out", "lake"]);
    assert_run_said!(format!("{empty}\n{listed}"));
}

#[tokio::test]
async fn a_folder_of_queries_replaces_one_dataset_and_adds_another() {
    let replaced = "-- Paths, shouting.\n--\n-- grain:  path\n-- column: path  text not null  its platforms\nselect upper(array_to_string(journey, ' > ')) as path from fact_contracts order by path\n";
    let added = "-- Touches of a day.\n--\n-- grain:  day\n-- column: day  date not null  the day\n-- column: touches  bigint not null  touches\nselect event_day as day, count(*) as touches from fact_events where event_day >= coalesce($since, event_day) group by event_day order by day\n";
    let program = small(&[]).await;
    std::fs::create_dir_all(program.folder().join("mine/results")).unwrap();
    let program = program
        .file("mine/results/top_paths.sql", replaced)
        .file("mine/results/touches_daily.sql", added);
    let said = program.run(&["run", "--lake", "lake", "--queries", "mine", "--quiet"]);
    assert!(said.starts_with("exit: 0\n"), "{said}");
    assert_eq!(
        rows(&program, "lake", "select * from prod.top_paths"),
        ["FORM > GOOGLE"]
    );
    assert_eq!(
        rows(&program, "lake", "select * from prod.touches_daily"),
        ["2025-01-02,1", "2025-01-05,1", "2025-01-06,1"]
    );
}

/// Each mistake ends with 2 and leaves nothing below the lake.
#[tokio::test]
async fn mistakes_of_settings_and_queries_are_named() {
    let header = "-- Mine.\n--\n-- grain:  day\n-- column: day  date not null  the day\n";
    let queries = [
        (
            "reads a parameter that is not there",
            "select $until as day from fact_events",
        ),
        (
            "makes another column than it declares",
            "select event_day as dya from fact_events",
        ),
        (
            "reads a table that is not there",
            "select day from fact_event",
        ),
        ("does not parse", "selec day"),
        (
            "reads what is computed later",
            "select day from quality_passes",
        ),
    ];
    let mut said = Vec::new();
    for flags in [
        ["--models", "linear,lats_touch"],
        ["--rules", "v11"],
        ["--rules", "my.toml"],
        ["--since", "2025-13-01"],
        ["--lookback-days", "ten"],
        ["--queries", "nowhere"],
    ] {
        let program = small(&[])
            .await
            .file("my.toml", "name = \"mine\"\nchanels = 1\n");
        said.push(format!(
            "== {flags:?}\n{}",
            program.run(&[&RUN[..], &flags].concat())
        ));
        assert!(
            files(&program.folder().join("lake/runs")).is_empty(),
            "{flags:?}"
        );
    }
    for (what, query) in queries {
        let program = small(&[]).await;
        std::fs::create_dir_all(program.folder().join("mine/results")).unwrap();
        let program = program.file("mine/results/mine.sql", &format!("{header}{query}\n"));
        let answer = program.run(&["run", "--lake", "lake", "--queries", "mine"]);
        said.push(format!("== a query {what}\n{answer}"));
        assert!(
            files(&program.folder().join("lake/runs")).is_empty(),
            "{what}"
        );
    }
    assert_run_said!(said.join("\n"));
}
