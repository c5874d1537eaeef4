//! The report as its HTML page needs it: texts written, bars and shades measured.
//!
//! In: the report. Out: plain values for the templates, which only lay them out. Bars and
//! shades are fractions from 0 to 1.

use serde::Serialize;

use super::colour::{self, Colour};
use super::data::{Bar, ContractRow, Platform, Report};
use super::findings::{self, Amounts, percent, platform_name, share};
use super::number::{Decimal, conversions, count, drawn};
use super::sankey::{self, Kind, Layout};
use super::sections::{self, PATHS_LISTED, runs_of, verdict};
use super::strips::{self, Strip, TimeLabel};
use super::words::{self, Words};

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

/// A platform's name and colour.
#[derive(Debug, Serialize)]
struct Swatch {
    name: String,
    colour: Colour,
}

#[derive(Debug, Serialize)]
struct PlatformView {
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
struct ContractsView {
    caption: &'static str,
    rows: Vec<ContractView>,
    contracts: String,
    revenue: String,
}

#[derive(Debug, Serialize)]
struct ContractView {
    swatch: Swatch,
    contracts: String,
    revenue: String,
    share: String,
    bar: f64,
    touches: String,
    days: String,
}

#[derive(Debug, Serialize)]
struct ModelsView {
    /// Model names, broken where a line may break.
    heads: Vec<Vec<String>>,
    rows: Vec<ModelView>,
    totals: Vec<CreditView>,
}

#[derive(Debug, Serialize)]
struct ModelView {
    swatch: Swatch,
    cells: Vec<CreditView>,
}

#[derive(Debug, Serialize)]
struct CreditView {
    revenue: String,
    contracts: String,
    shade: f64,
    is_empty: bool,
}

#[derive(Debug, Serialize)]
struct FunnelView {
    per: String,
    strips: Vec<Strip>,
    labels: Vec<TimeLabel>,
}

#[derive(Debug, Serialize)]
struct CohortsView {
    months: usize,
    rows: Vec<CohortView>,
}

#[derive(Debug, Serialize)]
struct CohortView {
    month: String,
    clients: String,
    contracts: String,
    cells: Vec<ShadedView>,
}

#[derive(Debug, Serialize)]
struct ShadedView {
    text: String,
    shade: f64,
}

#[derive(Debug, Serialize)]
struct BarView {
    label: String,
    contracts: String,
    share: String,
    revenue: String,
    bar: f64,
}

#[derive(Debug, Serialize)]
struct FlowView {
    width: f64,
    height: f64,
    columns: Vec<FlowColumn>,
    nodes: Vec<FlowNode>,
    bands: Vec<FlowBand>,
}

#[derive(Debug, Serialize)]
struct FlowColumn {
    x: f64,
    heading: &'static str,
}

#[derive(Debug, Serialize)]
struct FlowNode {
    x: f64,
    y: f64,
    height: f64,
    name: String,
    contracts: String,
    colour: Option<Colour>,
    is_labelled: bool,
}

#[derive(Debug, Serialize)]
struct FlowBand {
    outline: String,
    colour: Colour,
    title: String,
}

#[derive(Debug, Serialize)]
struct PathView {
    full: String,
    steps: Vec<StepView>,
    rest: usize,
    contracts: String,
    clients: String,
    revenue: String,
    bar: f64,
}

#[derive(Debug, Serialize)]
struct StepView {
    swatch: Swatch,
    times: usize,
}

#[derive(Debug, Serialize)]
struct MultiplierView {
    swatch: Swatch,
    first_touches: String,
    all_touches: String,
    multiplier: String,
    first_bar: f64,
    all_bar: f64,
}

#[derive(Debug, Serialize)]
struct CheckView {
    check: String,
    verdict: &'static str,
    figure: String,
    limit: String,
    detail: String,
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
                .with(platforms(report, &amounts)),
            contracts: part(words::CONTRACTS, findings::contracts(report))
                .with(contracts(report, &amounts)),
            models: part(words::MODELS, findings::models(report)).with(models(report, &amounts)),
            funnel: part(words::FUNNEL, findings::funnel(report)).with(FunnelView {
                per: strips::per(&report.funnel),
                strips: strips::strips(&report.funnel, &amounts),
                labels: strips::time_labels(&report.funnel),
            }),
            cohorts: part(words::COHORTS, findings::cohorts(report))
                .with(cohorts(report, &amounts)),
            wait: part(words::WAIT, findings::wait(report))
                .with(bars(&report.time_to_contract, &amounts)),
            length: part(words::LENGTH, findings::length(report))
                .with(bars(&report.path_length, &amounts)),
            flow: part(words::FLOW, findings::paths(report, report.paths.top.len()))
                .with(flow(report)),
            paths: part(words::PATHS, findings::paths(report, PATHS_LISTED))
                .with(paths(report, &amounts)),
            multiplier: part(words::MULTIPLIER, findings::multiplier(report))
                .with(multiplier(report)),
            quality: part(words::QUALITY, findings::quality(report)).with(quality(report)),
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
    let first = percent(summary.first_touch_events, summary.total_events);
    vec![
        figure(
            "Touches",
            count(summary.total_events),
            format!("{first} are first touches"),
        ),
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

fn platforms(report: &Report, amounts: &Amounts<'_>) -> Vec<PlatformView> {
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

fn contracts(report: &Report, amounts: &Amounts<'_>) -> Vec<ContractsView> {
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

fn models(report: &Report, amounts: &Amounts<'_>) -> ModelsView {
    let models = &report.models;
    let cell = |credit: &super::Credit, column: usize| {
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
    let cells = |credits: &[super::Credit]| {
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

fn cohorts(report: &Report, amounts: &Amounts<'_>) -> CohortsView {
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

fn bars(bars: &[Bar], amounts: &Amounts<'_>) -> Vec<BarView> {
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

fn flow(report: &Report) -> Option<FlowView> {
    const HEADINGS: [&str; 6] = [
        "1st touch",
        "2nd touch",
        "3rd touch",
        "4th touch",
        "later touches",
        "",
    ];
    /// Lower nodes have no room for a label; a pointer on them is told.
    const LABELLED: f64 = 8.0;
    let top = &report.paths.top;
    let paths: Vec<(&str, i64)> = top
        .iter()
        .map(|row| (row.path.as_str(), row.contracts))
        .collect();
    let layout = Layout::of(&paths)?;
    let name = |kind: &Kind| match kind {
        Kind::Platform(_, name) => name.clone(),
        Kind::Others => "other platforms".to_owned(),
        Kind::Later => "later touches".to_owned(),
        Kind::Contract => "contract".to_owned(),
    };
    let colour = |kind: &Kind| match kind {
        Kind::Platform(_, name) => Some(colour::of(name)),
        Kind::Others | Kind::Later => Some(colour::others()),
        Kind::Contract => None,
    };
    let tenth = |place: f64| (place * 10.0).round() / 10.0;
    let mut columns: Vec<FlowColumn> = Vec::new();
    for node in layout
        .nodes
        .iter()
        .filter(|node| node.kind != Kind::Contract)
    {
        if node.column == columns.len() {
            columns.push(FlowColumn {
                x: tenth(node.x),
                heading: HEADINGS[node.column],
            });
        }
    }
    let nodes = layout.nodes.iter().map(|node| FlowNode {
        x: tenth(node.x),
        y: tenth(node.y),
        height: tenth(node.height.max(1.0)),
        name: name(&node.kind),
        contracts: count(node.contracts),
        colour: colour(&node.kind),
        is_labelled: node.height >= LABELLED,
    });
    let bands = layout.bands.iter().map(|band| {
        let (from, to) = (&layout.nodes[band.from], &layout.nodes[band.to]);
        let title = format!(
            "{} → {}: {}",
            name(&from.kind),
            name(&to.kind),
            count(band.contracts)
        );
        let outline = sankey::outline(band, &layout.nodes);
        FlowBand {
            outline,
            colour: colour(&from.kind).unwrap_or_else(colour::others),
            title,
        }
    });
    Some(FlowView {
        width: sankey::WIDTH,
        height: sankey::HEIGHT,
        columns,
        nodes: nodes.collect(),
        bands: bands.collect(),
    })
}

fn paths(report: &Report, amounts: &Amounts<'_>) -> Vec<PathView> {
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

fn multiplier(report: &Report) -> Vec<MultiplierView> {
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

fn quality(report: &Report) -> Vec<CheckView> {
    let checks = report.quality.iter().map(|check| CheckView {
        check: check.check.clone(),
        verdict: verdict(check),
        figure: or_dash(check.figure),
        limit: or_dash(check.limit),
        detail: check.detail.clone(),
    });
    checks.collect()
}
