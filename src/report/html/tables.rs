//! The rows of the page's tables: texts written, bars and shades measured.
//!
//! In: the report. Out: plain values, bars and shades as fractions from 0 to 1.

use serde::Serialize;

use super::colour::{self, Colour};
use crate::report::data::{Bar, ContractRow, Credit, Platform, Report};
use crate::report::findings::{Amounts, percent, platform_name, share};
use crate::report::number::{Decimal, conversions, count, drawn};
use crate::report::tables::{PATHS_LISTED, runs_of, verdict};

/// A platform's name and colour.
#[derive(Debug, Serialize)]
pub(super) struct Swatch {
    name: String,
    colour: Colour,
}

#[derive(Debug, Serialize)]
pub(super) struct PlatformView {
    swatch: Swatch,
    touches: String,
    touches_share: String,
    touches_bar: f64,
    clients: String,
    first_touches: String,
    contracts: String,
    converted: String,
    rate: String,
    revenue: String,
    revenue_bar: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct ContractsView {
    caption: &'static str,
    rows: Vec<ContractView>,
    contracts: String,
    revenue: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ContractView {
    swatch: Swatch,
    contracts: String,
    revenue: String,
    share: String,
    bar: f64,
    touches: String,
    days: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ModelsView {
    /// Model names, broken where a line may break.
    heads: Vec<Vec<String>>,
    rows: Vec<ModelView>,
    totals: Vec<CreditView>,
}

#[derive(Debug, Serialize)]
pub(super) struct ModelView {
    swatch: Swatch,
    cells: Vec<CreditView>,
}

#[derive(Debug, Serialize)]
pub(super) struct CreditView {
    revenue: String,
    contracts: String,
    shade: f64,
    is_empty: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct CohortsView {
    months: usize,
    rows: Vec<CohortView>,
}

#[derive(Debug, Serialize)]
pub(super) struct CohortView {
    month: String,
    clients: String,
    contracts: String,
    cells: Vec<ShadedView>,
}

#[derive(Debug, Serialize)]
pub(super) struct ShadedView {
    text: String,
    shade: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct BarView {
    label: String,
    contracts: String,
    share: String,
    revenue: String,
    bar: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct PathView {
    full: String,
    steps: Vec<StepView>,
    rest: usize,
    contracts: String,
    clients: String,
    revenue: String,
    bar: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct StepView {
    swatch: Swatch,
    times: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct MultiplierView {
    swatch: Swatch,
    first_touches: String,
    all_touches: String,
    multiplier: String,
    first_bar: f64,
    all_bar: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct CheckView {
    check: String,
    verdict: &'static str,
    figure: String,
    limit: String,
    detail: String,
}

fn swatch(platform: &Platform) -> Swatch {
    let colour = match platform {
        Platform::Named(name) => colour::of(name),
        Platform::Others { .. } => colour::others(),
    };
    Swatch {
        name: platform_name(platform),
        colour,
    }
}

/// A fraction with four digits, 0 when there is no whole.
fn fraction(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        ((part / whole).clamp(0.0, 1.0) * 1e4).round() / 1e4
    } else {
        0.0
    }
}

fn or_dash(number: Option<Decimal>) -> String {
    number.map_or_else(|| "–".to_owned(), Decimal::grouped)
}

fn count_or_dash(number: Option<i64>) -> String {
    number.map_or_else(|| "–".to_owned(), count)
}

fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, f64::max)
}

pub(super) fn platforms(report: &Report, amounts: &Amounts<'_>) -> Vec<PlatformView> {
    let most_touches = largest(report.platforms.iter().map(|row| drawn(row.touches)));
    let most_revenue = largest(report.platforms.iter().map(|row| row.revenue.drawn()));
    let rows = report.platforms.iter().map(|row| PlatformView {
        swatch: swatch(&row.platform),
        touches: count(row.touches),
        touches_share: percent(row.touches, report.summary.total_events),
        touches_bar: fraction(drawn(row.touches), most_touches),
        clients: count_or_dash(row.clients),
        first_touches: count(row.first_touches),
        contracts: count(row.contracts),
        converted: count_or_dash(row.clients_converted),
        rate: or_dash(row.conversion_rate_pct),
        revenue: amounts.bare(row.revenue),
        revenue_bar: fraction(row.revenue.drawn(), most_revenue),
    });
    rows.collect()
}

pub(super) fn contracts(report: &Report, amounts: &Amounts<'_>) -> Vec<ContractsView> {
    let own = &report.contracts_by_event_platform;
    let attributed = &report.contracts_by_attributed_platform;
    // One scale for both tables, so that their bars can be compared.
    let most = largest(own.iter().chain(attributed).map(|row| row.revenue.drawn()));
    let table = |caption, rows: &[ContractRow]| {
        let cents = rows.iter().map(|row| row.revenue.unscaled()).sum();
        ContractsView {
            caption,
            contracts: count(rows.iter().map(|row| row.contracts).sum()),
            revenue: amounts.bare(Decimal::new(cents, 2)),
            rows: rows
                .iter()
                .map(|row| ContractView {
                    swatch: swatch(&row.platform),
                    contracts: count(row.contracts),
                    revenue: amounts.bare(row.revenue),
                    share: share(row.revenue.unscaled(), cents),
                    bar: fraction(row.revenue.drawn(), most),
                    touches: or_dash(row.avg_touches),
                    days: or_dash(row.avg_days),
                })
                .collect(),
        }
    };
    if own.is_empty() && attributed.is_empty() {
        return Vec::new();
    }
    vec![
        table("By the platform of the contract event itself", own),
        table("By the platform that attribution credits", attributed),
    ]
}

pub(super) fn models(report: &Report, amounts: &Amounts<'_>) -> ModelsView {
    let models = &report.models;
    let cell = |credit: &Credit, column: usize| {
        let share = fraction(
            credit.revenue.drawn(),
            models.totals[column].revenue.drawn(),
        );
        CreditView {
            revenue: amounts.bare(credit.revenue),
            contracts: conversions(credit.conversions),
            // The root keeps small shares visible beside a dominant platform.
            shade: (share.sqrt() * 1e3).round() / 1e3,
            is_empty: credit.revenue.unscaled() == 0 && credit.conversions.abs() < 1e-9,
        }
    };
    let cells = |credits: &[Credit]| {
        credits
            .iter()
            .enumerate()
            .map(|(column, credit)| cell(credit, column))
            .collect()
    };
    let rows = models.rows.iter();
    ModelsView {
        heads: models
            .models
            .iter()
            .map(|name| name.split_inclusive('_').map(str::to_owned).collect())
            .collect(),
        rows: rows
            .map(|row| ModelView {
                swatch: swatch(&row.platform),
                cells: cells(&row.cells),
            })
            .collect(),
        totals: cells(&models.totals),
    }
}

pub(super) fn cohorts(report: &Report, amounts: &Amounts<'_>) -> CohortsView {
    let cohorts = &report.cohorts.rows;
    let cells = || {
        cohorts
            .iter()
            .flat_map(|row| &row.cumulative_revenue_per_client)
    };
    let most = largest(cells().map(|cell| cell.drawn()));
    let lengths = cohorts
        .iter()
        .map(|row| row.cumulative_revenue_per_client.len());
    let rows = cohorts.iter().map(|row| CohortView {
        month: row.month.clone(),
        clients: count(row.clients),
        contracts: count(row.contracts),
        cells: row
            .cumulative_revenue_per_client
            .iter()
            .map(|cell| ShadedView {
                text: amounts.bare(*cell),
                shade: fraction(cell.drawn(), most),
            })
            .collect(),
    });
    CohortsView {
        months: lengths.max().unwrap_or(0),
        rows: rows.collect(),
    }
}

pub(super) fn bars(bars: &[Bar], amounts: &Amounts<'_>) -> Vec<BarView> {
    let most = largest(bars.iter().map(|bar| drawn(bar.contracts)));
    let all = bars.iter().map(|bar| bar.contracts).sum();
    let rows = bars.iter().map(|bar| BarView {
        label: bar.label.clone(),
        contracts: count(bar.contracts),
        share: percent(bar.contracts, all),
        revenue: amounts.bare(bar.revenue),
        bar: fraction(drawn(bar.contracts), most),
    });
    rows.collect()
}

pub(super) fn paths(report: &Report, amounts: &Amounts<'_>) -> Vec<PathView> {
    let most = largest(report.paths.top.iter().map(|row| drawn(row.contracts)));
    let rows = report.paths.top.iter().take(PATHS_LISTED).map(|row| {
        let (runs, rest) = runs_of(&row.path);
        let steps = runs.into_iter().map(|(name, times)| StepView {
            swatch: Swatch {
                name: name.to_owned(),
                colour: colour::of(name),
            },
            times,
        });
        PathView {
            full: row.path.chars().take(400).collect(),
            steps: steps.collect(),
            rest,
            contracts: count(row.contracts),
            clients: count(row.clients),
            revenue: amounts.bare(row.revenue),
            bar: fraction(drawn(row.contracts), most),
        }
    });
    rows.collect()
}

pub(super) fn multiplier(report: &Report) -> Vec<MultiplierView> {
    let rows = report.first_touch_vs_full.iter();
    let most = largest(rows.clone().map(|row| drawn(row.all_touches)));
    rows.map(|row| MultiplierView {
        swatch: swatch(&row.platform),
        first_touches: count(row.first_touches),
        all_touches: count(row.all_touches),
        multiplier: or_dash(row.multiplier),
        first_bar: fraction(drawn(row.first_touches), most),
        all_bar: fraction(drawn(row.all_touches), most),
    })
    .collect()
}

pub(super) fn quality(report: &Report) -> Vec<CheckView> {
    let checks = report.quality.iter().map(|check| CheckView {
        check: check.check.clone(),
        verdict: verdict(check),
        figure: or_dash(check.figure),
        limit: or_dash(check.limit),
        detail: check.detail.clone(),
    });
    checks.collect()
}
