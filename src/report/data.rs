//! What a report holds: plain data, in the order it is shown.
//!
//! Decimals (money, averages, ratios) are exact and serialise as text; counts are integers;
//! conversions are floats because models split them.

use serde::Serialize;

use super::number::Decimal;

/// Which run the report is about, and under which settings it was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The run's id.
    pub run_id: String,
    /// When the run was published, as text: the report has no clock of its own.
    pub published_at: String,
    /// The setting `since`: touches before this day are left out; none keeps all.
    pub since: Option<String>,
    /// The rule set that named the platforms.
    pub rule_set: String,
    /// The attribution models, in the order their columns are shown.
    pub models: Vec<String>,
    /// Where the lake lies.
    pub lake: String,
    /// The currency of every amount, `UAH` say.
    pub currency: String,
    /// A remark that belongs beside the title, such as that the data is synthetic.
    pub note: Option<String>,
}

/// One run, ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The run and its settings.
    pub run: RunSummary,
    /// The key figures.
    pub summary: Summary,
    /// Touches and money by platform, most touches first.
    pub platforms: Vec<PlatformRow>,
    /// Contracts by the platform of the contract event itself, most contracts first.
    pub contracts_by_event_platform: Vec<ContractRow>,
    /// Contracts by the platform that the attribution rule names, most contracts first.
    pub contracts_by_attributed_platform: Vec<ContractRow>,
    /// The models side by side.
    pub models: Models,
    /// Events and money over time.
    pub funnel: Funnel,
    /// Revenue per client by month of first touch.
    pub cohorts: Cohorts,
    /// Days from first touch to contract.
    pub time_to_contract: Vec<Bar>,
    /// Touches up to the contract.
    pub path_length: Vec<Bar>,
    /// The commonest paths.
    pub paths: Paths,
    /// First touches against all touches, most touches first.
    pub first_touch_vs_full: Vec<MultiplierRow>,
    /// The checks of the run, failed ones first.
    pub quality: Vec<Check>,
}

/// A platform by name, or the number of platforms folded into the row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Platform {
    /// One platform.
    Named(String),
    /// So many smaller platforms.
    Others {
        /// How many.
        others: i64,
    },
}

/// The key figures: the dataset `summary`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All touches.
    pub total_events: i64,
    /// Clients with a touch.
    pub unique_clients: i64,
    /// First touches, one per client.
    pub first_touch_events: i64,
    /// All others.
    pub mid_and_last_touch_events: i64,
    /// Contracts.
    pub contracts: i64,
    /// Clients with at least one.
    pub clients_with_contracts: i64,
    /// The contracts' money.
    pub total_revenue: Decimal,
    /// Platforms with a touch.
    pub unique_platforms: i64,
    /// All touches over first touches.
    pub data_multiplier: Decimal,
}

/// Touches and money of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformRow {
    /// The platform.
    pub platform: Platform,
    /// Its touches.
    pub touches: i64,
    /// Clients it touched; none for folded platforms, whose clients overlap.
    pub clients: Option<i64>,
    /// Touches that were a client's first.
    pub first_touches: i64,
    /// Contract events of this platform.
    pub contracts: i64,
    /// Clients with one; none for folded platforms.
    pub clients_converted: Option<i64>,
    /// `clients_converted` in percent of `clients`.
    pub conversion_rate_pct: Option<Decimal>,
    /// Money of those contract events.
    pub revenue: Decimal,
}

/// Contracts of one platform, under either question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContractRow {
    /// The platform.
    pub platform: Platform,
    /// Contracts.
    pub contracts: i64,
    /// Their money.
    pub revenue: Decimal,
    /// Mean touches of their paths.
    pub avg_touches: Option<Decimal>,
    /// Mean days from first touch to contract.
    pub avg_days: Option<Decimal>,
}

/// The models side by side: `cells` of each row stand in the order of `models`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Models {
    /// Model names.
    pub models: Vec<String>,
    /// One row per platform, most credited money over all models first.
    pub rows: Vec<ModelRow>,
    /// What each model credits in all, in the order of `models`.
    pub totals: Vec<Credit>,
}

/// One platform under every model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelRow {
    /// The platform.
    pub platform: Platform,
    /// Its credit under each model.
    pub cells: Vec<Credit>,
}

/// What a model credits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Credit {
    /// Contracts, in fractions.
    pub conversions: f64,
    /// Money.
    pub revenue: Decimal,
}

/// The funnel over time, without gaps: a period with no event has zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Funnel {
    /// How long a period is.
    pub step: Step,
    /// The periods, oldest first.
    pub periods: Vec<Period>,
    /// Events before the first period shown, left out because the history is too long.
    pub earlier_events: i64,
}

/// The length of a funnel period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A day.
    Day,
    /// A week from Monday.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

/// One period of the funnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its first day, ISO.
    pub start: String,
    /// All touches.
    pub events: i64,
    /// First touches.
    pub first_touches: i64,
    /// Contracts.
    pub contracts: i64,
    /// The contracts' money.
    pub revenue: Decimal,
}

/// Cohorts of clients by month of first touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cohorts {
    /// The cohorts shown, oldest first.
    pub rows: Vec<Cohort>,
    /// Older cohorts that are not shown.
    pub earlier: i64,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// The month of first touch, `2025-04`.
    pub month: String,
    /// Clients whose first touch fell into it.
    pub clients: i64,
    /// Contracts up to the last month shown.
    pub contracts: i64,
    /// Their money.
    pub revenue: Decimal,
    /// Revenue so far per client of the cohort, by months since the first touch from 0 on;
    /// as many as can have passed by the end of the data.
    pub cumulative_revenue_per_client: Vec<Decimal>,
}

/// One bar of a distribution over contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// What the bar counts, `4-7` days say.
    pub label: String,
    /// Contracts.
    pub contracts: i64,
    /// Their money.
    pub revenue: Decimal,
}

/// The commonest paths, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paths {
    /// Distinct paths of the run.
    pub all_paths: i64,
    /// Contracts of the run.
    pub all_contracts: i64,
    /// The paths with most contracts.
    pub top: Vec<PathRow>,
}

/// One path: the platforms from a first touch to a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathRow {
    /// The platforms in order, joined by ` > `.
    pub path: String,
    /// Contracts that came this way.
    pub contracts: i64,
    /// Clients that did.
    pub clients: i64,
    /// The contracts' money.
    pub revenue: Decimal,
}

/// First touches against all touches of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MultiplierRow {
    /// The platform.
    pub platform: Platform,
    /// First touches.
    pub first_touches: i64,
    /// All touches.
    pub all_touches: i64,
    /// All over first; none without first touches.
    pub multiplier: Option<Decimal>,
}

/// One check of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name.
    pub check: String,
    /// What was measured.
    pub figure: Option<Decimal>,
    /// What it may be at most; none when the figure is only shown.
    pub limit: Option<Decimal>,
    /// Whether it holds.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does not hold.
    Failed,
    /// It has a limit and holds.
    Passed,
    /// It has no limit: for information.
    Shown,
}
