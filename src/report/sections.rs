//! The report as headed tables of text, for the terminal and for Markdown.
//!
//! In: the report. Out: sections in the order of the page, every figure already written for
//! people. Names from the data are as they are: each format escapes them.

use super::data::Report;
use super::findings::{self, Amounts};
use super::number::count;
use super::tables::{self, PATHS_LISTED, Table};
use super::words::{self, Words};

/// A heading with its sentence, its tables, and how to read them.
pub(super) struct Section {
    pub(super) words: Words,
    pub(super) finding: Option<String>,
    pub(super) tables: Vec<Table>,
}

/// Title line: which run this is.
pub(super) fn title(report: &Report) -> String {
    format!("Attribution report of run {}", report.run.run_id)
}

/// The settings behind the figures, as name and value.
pub(super) fn settings(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let since = run
        .since
        .clone()
        .unwrap_or_else(|| "all touches".to_owned());
    vec![
        ("published", run.published_at.clone()),
        ("lake", run.lake.clone()),
        ("touches since", since),
        ("rule set", run.rule_set.clone()),
        ("models", run.models.join(", ")),
        ("currency", run.currency.clone()),
    ]
}

/// The key figures, as name and value.
pub(super) fn key_figures(report: &Report) -> Vec<(&'static str, String)> {
    let summary = &report.summary;
    vec![
        ("touches", count(summary.total_events)),
        ("clients", count(summary.unique_clients)),
        ("first touches", count(summary.first_touch_events)),
        (
            "mid and last touches",
            count(summary.mid_and_last_touch_events),
        ),
        ("contracts", count(summary.contracts)),
        (
            "clients with contracts",
            count(summary.clients_with_contracts),
        ),
        (
            "revenue",
            Amounts::of(report).with_currency(summary.total_revenue),
        ),
        ("platforms", count(summary.unique_platforms)),
        (
            "touches per first touch",
            summary.data_multiplier.to_string(),
        ),
    ]
}

/// Every section after the key figures.
pub(super) fn sections(report: &Report) -> Vec<Section> {
    let one = |words, finding, table| Section {
        words,
        finding,
        tables: vec![table],
    };
    vec![
        one(
            words::PLATFORMS,
            findings::platforms(report),
            tables::platforms(report),
        ),
        Section {
            words: words::CONTRACTS,
            finding: findings::contracts(report),
            tables: tables::contracts(report),
        },
        Section {
            words: words::MODELS,
            finding: findings::models(report),
            tables: tables::models(report),
        },
        one(
            words::FUNNEL,
            findings::funnel(report),
            tables::funnel(report),
        ),
        one(
            words::COHORTS,
            findings::cohorts(report),
            tables::cohorts(report),
        ),
        one(
            words::WAIT,
            findings::wait(report),
            tables::bars(report, "days", &report.time_to_contract),
        ),
        one(
            words::LENGTH,
            findings::length(report),
            tables::bars(report, "touches", &report.path_length),
        ),
        one(
            words::PATHS,
            findings::paths(report, PATHS_LISTED),
            tables::paths(report),
        ),
        one(
            words::MULTIPLIER,
            findings::multiplier(report),
            tables::multiplier(report),
        ),
        one(
            words::QUALITY,
            findings::quality(report),
            tables::quality(report),
        ),
    ]
}
