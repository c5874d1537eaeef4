//! The report of a hand-made run: golden Markdown and JSON, and what the HTML must and must
//! not contain.
//!
//! The run, by hand: client 1 touches a on 2025-01-06 and 01-08, then signs through b on
//! 01-20 for 100.00; client 2 signs through b with its only touch, on 01-07, for 50.50;
//! client 3 touches a on 04-14. Under `linear` 100.00 splits into 33.34 + 33.33 for a and
//! 33.33 for b.

use datafusion::prelude::{SessionConfig, SessionContext};
use touchpath::report::{Bar, Decimal, Platform, Report, RunSummary, Step, Verdict, read};

const DATASETS: [(&str, &str); 12] = [
    (
        "summary",
        "select 5 as total_events, arrow_cast(3, 'Int32') as unique_clients,
                3 as first_touch_events, 2 as mid_and_last_touch_events, 2 as contracts,
                2 as clients_with_contracts, 150.50 as total_revenue, 2 as unique_platforms,
                1.67 as data_multiplier",
    ),
    (
        "platform_touches",
        "select arrow_cast(column1, 'LargeUtf8') as platform, column2 as unique_clients,
                column3 as total_touches, column4 as clients_who_converted,
                column5 as conversion_rate_pct, column6 as total_revenue
         from (values ('a', 2, 3, 0, 0.00, 0.00), ('b', 2, 2, 2, 100.00, 150.50))",
    ),
    (
        "first_touch_vs_full",
        "select column1 as platform, column2 as first_touches, column3 as all_touches,
                column4 as multiplier
         from (values ('a', 2, 3, 1.50), ('b', 1, 2, 2.00))",
    ),
    (
        "fact_contracts",
        "select column1 as contract_source_id, column2 as event_platform,
                cast(column3 as decimal(18, 2)) as contract_amount,
                arrow_cast(column4, 'Int32') as total_touches, column5 as days_to_convert
         from (values (3, 'b', 100.00, 3, 14), (4, 'b', 50.50, 1, 0))",
    ),
    (
        "contracts_by_platform",
        "select column1 as attributed_platform, column2 as contracts, column3 as revenue,
                column4 as avg_touches, column5 as avg_days
         from (values ('a', 1, 100.00, 3.0, 14.0), ('b', 1, 50.50, 1.0, 0.0))",
    ),
    (
        "model_comparison",
        "select column1 as platform, column2 as model, column3 as conversions,
                cast(column4 as decimal(18, 2)) as revenue
         from (values ('a', 'last_paid_touch', 1.0, 100.00), ('b', 'last_paid_touch', 1.0, 50.50),
                      ('a', 'linear', 2.0 / 3, 66.67), ('b', 'linear', 4.0 / 3, 83.83))",
    ),
    (
        "funnel_daily",
        "select cast(column1 as date) as day, column2 as platform, 'direct' as channel,
                column3 as total_events, column4 as first_touch_events, column5 as contracts,
                column6 as revenue
         from (values ('2025-01-06', 'a', 1, 1, 0, 0.00), ('2025-01-07', 'b', 1, 1, 1, 50.50),
                      ('2025-01-08', 'a', 1, 0, 0, 0.00), ('2025-01-20', 'b', 1, 0, 1, 100.00),
                      ('2025-04-14', 'a', 1, 1, 0, 0.00))",
    ),
    (
        "cohorts",
        "select cast(column1 as date) as cohort_month, column2 as months_since,
                column3 as clients, column4 as contracts, column5 as revenue,
                column6 as cumulative_revenue_per_client
         from (values ('2025-01-01', 0, 2, 2, 150.50, 75.25),
                      ('2025-04-01', 0, 1, 0, 0.00, 0.00))",
    ),
    (
        "time_to_contract",
        "select column1 as bucket, column2 as contracts, column3 as revenue
         from (values ('8-14', 1, 100.00), ('0', 1, 50.50))",
    ),
    (
        "path_length",
        "select column1 as total_touches, column2 as contracts, column3 as revenue
         from (values (3, 1, 100.00), (1, 1, 50.50))",
    ),
    (
        "top_paths",
        "select column1 as path, column2 as contracts, column3 as revenue, column4 as clients
         from (values ('b', 1, 50.50, 1), ('a > a > b', 1, 100.00, 1))",
    ),
    (
        "quality",
        "select column1 as \"check\", cast(column2 as decimal(38, 6)) as figure,
                cast(column3 as decimal(38, 6)) as \"limit\", column4 as passed,
                column5 as detail
         from (values ('keys_unique', 0, 0, true, 'no key is repeated'),
                      ('share_unknown', 0.4, 0.3, false, 'touches on unknown'),
                      ('ties', 1, null, true, 'touches at the same time'))",
    ),
];

fn about() -> RunSummary {
    RunSummary {
        run_id: "run-1".to_owned(),
        published_at: "2025-05-01 09:30:00 UTC".to_owned(),
        since: Some("2025-01-01".to_owned()),
        rule_set: "v10".to_owned(),
        models: vec!["linear".to_owned(), "last_paid_touch".to_owned()],
        lake: "data/small".to_owned(),
        currency: "UAH".to_owned(),
        note: Some("Synthetic data.".to_owned()),
    }
}

/// The report of [`DATASETS`], those named in `instead` defined otherwise.
#[expect(
    clippy::unwrap_used,
    reason = "what fails here fails the test that asked"
)]
async fn report_with(instead: &[(&str, &str)]) -> Report {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let run = |sql: String| {
        let context = context.clone();
        async move { context.sql(&sql).await.unwrap().collect().await.unwrap() }
    };
    run("create schema prod".to_owned()).await;
    for (dataset, usual) in DATASETS {
        let other = instead.iter().find(|(name, _)| *name == dataset);
        let sql = other.map_or(usual, |(_, sql)| *sql);
        run(format!("create table prod.{dataset} as {sql}")).await;
    }
    read(&context, about()).await.unwrap()
}

/// The report of a run without any touch.
async fn empty_report() -> Report {
    let nothing: Vec<(&str, String)> = DATASETS
        .iter()
        .map(|(dataset, sql)| match *dataset {
            "summary" => (
                *dataset,
                "select 0 as total_events, 0 as unique_clients, 0 as first_touch_events,
                        0 as mid_and_last_touch_events, 0 as contracts,
                        0 as clients_with_contracts, cast(null as decimal(18, 2)) as total_revenue,
                        0 as unique_platforms, 0.00 as data_multiplier"
                    .to_owned(),
            ),
            _ => (*dataset, format!("select * from ({sql}) where false")),
        })
        .collect();
    let nothing: Vec<(&str, &str)> = nothing
        .iter()
        .map(|(dataset, sql)| (*dataset, sql.as_str()))
        .collect();
    report_with(&nothing).await
}

#[tokio::test]
async fn platforms_and_contracts_read_as_worked_by_hand() {
    let report = report_with(&[]).await;
    let cents = |amount: &Decimal| amount.unscaled();
    assert_eq!(cents(&report.summary.total_revenue), 15_050);
    let platforms: Vec<(i64, i64, i64)> = report
        .platforms
        .iter()
        .map(|row| (row.touches, row.first_touches, row.contracts))
        .collect();
    assert_eq!(platforms, [(3, 2, 0), (2, 1, 2)]);
    let own = &report.contracts_by_event_platform;
    assert_eq!(
        (own.len(), own[0].contracts, cents(&own[0].revenue)),
        (1, 2, 15_050)
    );
    // (3 + 1) / 2 touches, (14 + 0) / 2 days.
    assert_eq!(own[0].avg_touches, Some(Decimal::new(20, 1)));
    assert_eq!(own[0].avg_days, Some(Decimal::new(70, 1)));
}

#[tokio::test]
async fn models_time_and_paths_read_as_worked_by_hand() {
    let report = report_with(&[]).await;
    let cents = |amount: &Decimal| amount.unscaled();
    let linear: Vec<i128> = report
        .models
        .rows
        .iter()
        .map(|row| cents(&row.cells[0].revenue))
        .collect();
    assert_eq!(report.models.models, ["linear", "last_paid_touch"]);
    // a has 166.67 over both models, b 134.33.
    assert_eq!(linear, [6_667, 8_383]);
    assert!(
        report
            .models
            .totals
            .iter()
            .all(|total| cents(&total.revenue) == 15_050)
    );
    assert_eq!(report.funnel.step, Step::Week);
    assert_eq!(report.funnel.periods.len(), 15);
    assert_eq!(
        report
            .funnel
            .periods
            .iter()
            .map(|period| period.events)
            .sum::<i64>(),
        5
    );
    let cohort: Vec<i128> = report.cohorts.rows[0]
        .cumulative_revenue_per_client
        .iter()
        .map(cents)
        .collect();
    assert_eq!(cohort, [7_525; 4]);
    let bars = |bars: &[Bar]| -> Vec<(String, i64)> {
        bars.iter()
            .map(|bar| (bar.label.clone(), bar.contracts))
            .collect()
    };
    let waits = bars(&report.time_to_contract);
    assert_eq!(waits.len(), 8, "every wait has its bar");
    assert_eq!(waits[1], ("0".to_owned(), 1));
    assert_eq!(waits[4], ("8-14".to_owned(), 1));
    let lengths = [
        ("1".to_owned(), 1),
        ("2".to_owned(), 0),
        ("3".to_owned(), 1),
    ];
    assert_eq!(bars(&report.path_length), lengths);
    assert_eq!(
        report.paths.top[0].path, "a > a > b",
        "more money comes first among equals"
    );
    let verdicts: Vec<Verdict> = report.quality.iter().map(|check| check.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Passed, Verdict::Shown]);
}

#[tokio::test]
async fn markdown_is_as_reviewed() {
    insta::assert_snapshot!("report_markdown", report_with(&[]).await.to_markdown());
}

#[tokio::test]
async fn json_is_as_reviewed() {
    insta::assert_snapshot!("report_json", report_with(&[]).await.to_json().unwrap());
}

#[tokio::test]
async fn a_terminal_table_keeps_to_its_width_and_figures_whole() {
    let report = report_with(&[]).await;
    for width in [60, 80, 132] {
        let text = report.to_terminal(width, false);
        assert!(text.contains("150.50 UAH"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colours were asked for");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(
            widest <= usize::from(width),
            "{widest} columns at {width}:\n{text}"
        );
    }
    assert!(report.to_terminal(80, true).contains("\u{1b}["));
}

#[tokio::test]
async fn html_holds_every_section_and_nothing_from_elsewhere() {
    let html = report_with(&[]).await.to_html().unwrap();
    let sections = [
        "summary",
        "platforms",
        "contracts",
        "models",
        "funnel",
        "cohorts",
        "time-to-contract",
        "path-length",
        "flow",
        "paths",
        "first-touch",
        "quality",
    ];
    let places: Vec<usize> = sections
        .iter()
        .map(|id| html.find(&format!("<section id=\"{id}\"")).expect(id))
        .collect();
    assert!(places.is_sorted(), "sections stand in the order agreed");
    assert!(html.starts_with("<!DOCTYPE html>"));
    let without_namespace = html.replace("http://www.w3.org/2000/svg", "");
    for foreign in [
        "http:", "https:", "src=", "url(", "@import", "<script", "<link",
    ] {
        assert!(!without_namespace.contains(foreign), "{foreign}");
    }
    assert_well_formed(&html);
}

#[tokio::test]
async fn html_escapes_what_comes_from_the_data() {
    let evil = "'<script>alert(\"1\")</script>&'";
    let platform_touches = format!(
        "select {evil} as platform, 1 as unique_clients, 1 as total_touches,
                1 as clients_who_converted, 0.00 as conversion_rate_pct, 0.00 as total_revenue"
    );
    let top_paths = format!("select {evil} as path, 1 as contracts, 0.00 as revenue, 1 as clients");
    let instead = [
        ("platform_touches", platform_touches.as_str()),
        ("top_paths", top_paths.as_str()),
    ];
    let report = report_with(&instead).await;
    let html = report.to_html().unwrap();
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;"));
    assert_well_formed(&html);
    assert!(!report.to_markdown().contains("<script"));
}

#[tokio::test]
async fn a_run_without_touches_gives_a_report_that_says_so() {
    let report = empty_report().await;
    let html = report.to_html().unwrap();
    assert_well_formed(&html);
    for words in [
        "This run has no touches.",
        "This run has no contracts.",
        "0.00",
    ] {
        assert!(html.contains(words), "{words}");
    }
    for broken in ["NaN", "inf", "–1"] {
        assert!(!html.contains(broken), "{broken}");
    }
    assert!(report.to_markdown().contains("This run has no events."));
    assert!(
        report
            .to_terminal(80, false)
            .contains("This run recorded no checks.")
    );
}

#[tokio::test]
async fn platforms_beyond_thirty_are_folded_into_one_row_that_counts_them() {
    // p01 … p35 with 1 … 35 touches: the five smallest have 1 + 2 + 3 + 4 + 5 = 15.
    let many = "
        select 'p' || lpad(cast(value as varchar), 2, '0') as platform, 1 as unique_clients,
               value as total_touches, 0 as clients_who_converted, 0.00 as conversion_rate_pct,
               1.25 as total_revenue
        from (select unnest(range(1, 36)) as value)";
    let report = report_with(&[("platform_touches", many)]).await;
    assert_eq!(report.platforms.len(), 31);
    assert_eq!(report.platforms[0].touches, 35);
    let folded = &report.platforms[30];
    assert_eq!(folded.platform, Platform::Others { others: 5 });
    assert_eq!((folded.touches, folded.clients), (15, None));
    assert_eq!(folded.revenue, Decimal::new(625, 2));
    assert!(report.to_markdown().contains("5 more platforms"));
}

#[tokio::test]
async fn a_missing_dataset_is_named() {
    let context = SessionContext::new();
    context.sql("create schema prod").await.unwrap();
    let error = read(&context, about()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the result dataset `summary`"
    );
}

/// Every tag is closed in order; void elements and self-closing ones excepted.
#[expect(
    clippy::unwrap_used,
    reason = "what fails here fails the test that asked"
)]
fn assert_well_formed(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (head, body) = html.split_once("<style>").unwrap();
    let (_, body) = body.split_once("</style>").unwrap();
    for tag in head.split('<').skip(2).chain(body.split('<').skip(1)) {
        let (tag, text) = tag.split_once('>').unwrap();
        assert!(!text.contains('>'), "a stray > after <{tag}");
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n', '/'])
            .next()
            .unwrap();
        match (
            tag.starts_with('/'),
            tag.ends_with('/') || ["meta", "wbr"].contains(&name),
        ) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, false) => open.push(name),
            (false, true) => {}
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
