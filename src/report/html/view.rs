//! The report as its HTML page needs it: texts written, bars and shades measured.
//!
//! In: the report. Out: plain values for the templates, which only lay them out. Bars and
//! shades are fractions from 0 to 1.

use serde::Serialize;

use super::flow::{self, FlowView};
use super::strips::{self, Strip, TimeLabel};
use super::tables::{
    self, BarView, CheckView, CohortsView, ContractsView, ModelsView, MultiplierView, PathView,
    PlatformView,
};
use crate::report::data::Report;
use crate::report::findings::{self, Amounts, percent};
use crate::report::number::{Decimal, count};
use crate::report::sections;
use crate::report::tables::PATHS_LISTED;
use crate::report::words::{self, Words};

/// Everything on the page.
#[derive(Debug, Serialize)]
pub(super) struct View<'a> {
    title: String,
    note: Option<&'a str>,
    currency: &'a str,
    is_whole: bool,
    settings: Vec<(&'static str, String)>,
    figures: Vec<Figure>,
    platforms: Part<Vec<PlatformView>>,
    contracts: Part<Vec<ContractsView>>,
    models: Part<ModelsView>,
    funnel: Part<FunnelView>,
    cohorts: Part<CohortsView>,
    wait: Part<Vec<BarView>>,
    length: Part<Vec<BarView>>,
    flow: Part<Option<FlowView>>,
    paths: Part<Vec<PathView>>,
    multiplier: Part<Vec<MultiplierView>>,
    quality: Part<Vec<CheckView>>,
}

/// A section: its words, its sentence, what it shows.
#[derive(Debug, Serialize)]
struct Part<T> {
    words: Words,
    finding: Option<String>,
    shown: T,
}

#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: String,
    unit: String,
    aside: String,
}

#[derive(Debug, Serialize)]
struct FunnelView {
    per: String,
    strips: Vec<Strip>,
    labels: Vec<TimeLabel>,
}

impl<'a> View<'a> {
    /// Writes and measures everything.
    pub(super) fn of(report: &'a Report) -> Self {
        let amounts = Amounts::of(report);
        let part = |words, finding| Part {
            words,
            finding,
            shown: (),
        };
        Self {
            title: sections::title(report),
            note: report.run.note.as_deref(),
            currency: &report.run.currency,
            is_whole: amounts.is_whole(),
            settings: sections::settings(report),
            figures: figures(report),
            platforms: part(words::PLATFORMS, findings::platforms(report))
                .with(tables::platforms(report, &amounts)),
            contracts: part(words::CONTRACTS, findings::contracts(report))
                .with(tables::contracts(report, &amounts)),
            models: part(words::MODELS, findings::models(report))
                .with(tables::models(report, &amounts)),
            funnel: part(words::FUNNEL, findings::funnel(report)).with(FunnelView {
                per: strips::per(&report.funnel),
                strips: strips::strips(&report.funnel, &amounts),
                labels: strips::time_labels(&report.funnel),
            }),
            cohorts: part(words::COHORTS, findings::cohorts(report))
                .with(tables::cohorts(report, &amounts)),
            wait: part(words::WAIT, findings::wait(report))
                .with(tables::bars(&report.time_to_contract, &amounts)),
            length: part(words::LENGTH, findings::length(report))
                .with(tables::bars(&report.path_length, &amounts)),
            flow: part(words::FLOW, findings::paths(report, report.paths.top.len()))
                .with(flow::flow(report)),
            paths: part(words::PATHS, findings::paths(report, PATHS_LISTED))
                .with(tables::paths(report, &amounts)),
            multiplier: part(words::MULTIPLIER, findings::multiplier(report))
                .with(tables::multiplier(report)),
            quality: part(words::QUALITY, findings::quality(report)).with(tables::quality(report)),
        }
    }
}

impl Part<()> {
    fn with<T>(self, shown: T) -> Part<T> {
        Part {
            words: self.words,
            finding: self.finding,
            shown,
        }
    }
}

fn figures(report: &Report) -> Vec<Figure> {
    let summary = &report.summary;
    let amounts = Amounts::of(report);
    let figure = |name, value: String, aside: String| Figure {
        name,
        value,
        unit: String::new(),
        aside,
    };
    let mean = Decimal::ratio(
        summary.total_revenue.unscaled(),
        summary.contracts.into(),
        0,
    );
    let mean = mean.map_or_else(String::new, |cents| {
        format!(
            "{} per contract",
            amounts.with_currency(Decimal::new(cents.unscaled(), 2))
        )
    });
    let first = match summary.total_events {
        0 => String::new(),
        all => format!(
            "{} are first touches",
            percent(summary.first_touch_events, all)
        ),
    };
    vec![
        figure("Touches", count(summary.total_events), first),
        figure(
            "Clients",
            count(summary.unique_clients),
            "with at least one touch".to_owned(),
        ),
        figure(
            "Contracts",
            count(summary.contracts),
            format!("of {} clients", count(summary.clients_with_contracts)),
        ),
        Figure {
            name: "Revenue",
            value: amounts.bare(summary.total_revenue),
            unit: report.run.currency.clone(),
            aside: mean,
        },
        figure(
            "Platforms",
            count(summary.unique_platforms),
            "with at least one touch".to_owned(),
        ),
        Figure {
            name: "Touches per first touch",
            value: summary.data_multiplier.to_string(),
            unit: "×".to_owned(),
            aside: format!(
                "{} touches beyond the first",
                count(summary.mid_and_last_touch_events)
            ),
        },
    ]
}
