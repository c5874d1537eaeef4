//! The sentence under a heading: what the figures say, computed from them.
//!
//! In: the report. Out: one plain sentence, or none when there is nothing to say. Names are
//! as they come from the data: each format escapes the whole sentence.

use std::cmp::Reverse;

use super::data::{Bar, ContractRow, Platform, Report, Step, Verdict};
use super::number::{Decimal, count};

/// How amounts are written for people: whole units, or cents where the sums are small.
#[derive(Debug, Clone)]
pub(super) struct Amounts<'a> {
    currency: &'a str,
    scale: u8,
}

impl<'a> Amounts<'a> {
    /// Whole units from 100,000 of revenue on: cents would then only blur the columns.
    pub(super) fn of(report: &'a Report) -> Self {
        let is_large = report.summary.total_revenue.unscaled() >= 10_000_000;
        Self {
            currency: &report.run.currency,
            scale: if is_large { 0 } else { 2 },
        }
    }

    /// Whether amounts are shown in whole units.
    pub(super) fn is_whole(&self) -> bool {
        self.scale == 0
    }

    /// `25,142,227`.
    pub(super) fn bare(&self, amount: Decimal) -> String {
        amount.rounded(self.scale).grouped()
    }

    /// `25,142,227 UAH`.
    pub(super) fn with_currency(&self, amount: Decimal) -> String {
        format!("{} {}", self.bare(amount), self.currency)
    }
}

/// A platform's name for people.
pub(super) fn platform_name(platform: &Platform) -> String {
    match platform {
        Platform::Named(name) => name.clone(),
        Platform::Others { others } => format!("{} more platforms", count(*others)),
    }
}

fn quoted(platform: &Platform) -> String {
    match platform {
        Platform::Named(name) => format!("“{name}”"),
        Platform::Others { .. } => platform_name(platform),
    }
}

/// `86.9 %` of counts; a dash when there is no whole.
pub(super) fn percent(part: i64, whole: i64) -> String {
    share(i128::from(part), i128::from(whole))
}

/// `57.8 %` of amounts of the same scale; a dash when there is no whole.
pub(super) fn share(part: i128, whole: i128) -> String {
    let share = Decimal::percent(part, whole);
    share.map_or_else(|| "–".to_owned(), |share| format!("{} %", share.grouped()))
}

pub(super) fn platforms(report: &Report) -> Option<String> {
    let busiest = report
        .platforms
        .iter()
        .max_by_key(|row| (row.touches, Reverse(&row.platform)))?;
    let touches = percent(busiest.touches, report.summary.total_events);
    let money = report
        .platforms
        .iter()
        .filter(|row| row.revenue.unscaled() > 0)
        .max_by_key(|row| (row.revenue.unscaled(), Reverse(&row.platform)));
    let total = report.summary.total_revenue.unscaled();
    let ending = match money {
        None => ".".to_owned(),
        Some(money) if money.platform == busiest.platform => {
            format!(
                " and {} of all revenue.",
                share(money.revenue.unscaled(), total)
            )
        }
        Some(money) => format!(
            "; most revenue, {}, stands with {}.",
            share(money.revenue.unscaled(), total),
            quoted(&money.platform)
        ),
    };
    Some(format!(
        "{} has {touches} of all touches{ending}",
        quoted(&busiest.platform)
    ))
}

pub(super) fn contracts(report: &Report) -> Option<String> {
    let own = &report.contracts_by_event_platform;
    let attributed = &report.contracts_by_attributed_platform;
    let contracts_in = |rows: &[ContractRow], platform: &Platform| {
        rows.iter()
            .find(|row| row.platform == *platform)
            .map_or(0, |row| row.contracts)
    };
    let named = own.iter().chain(attributed).map(|row| &row.platform);
    let named = named.filter(|platform| matches!(platform, Platform::Named(_)));
    let (change, platform) = named
        .map(|platform| {
            let change = contracts_in(attributed, platform) - contracts_in(own, platform);
            (change, platform)
        })
        .max_by_key(|(change, platform)| (change.abs(), Reverse(*platform)))?;
    if change == 0 {
        return Some("Here both tables count the same contracts per platform.".to_owned());
    }
    Some(format!(
        "The largest difference is {}: {} by the contract event’s own platform, {} by \
         attribution.",
        quoted(platform),
        contracts_of(contracts_in(own, platform)),
        count(contracts_in(attributed, platform)),
    ))
}

pub(super) fn models(report: &Report) -> Option<String> {
    let amounts = Amounts::of(report);
    let spreads = report.models.rows.iter().filter_map(|row| {
        let revenue = || {
            row.cells
                .iter()
                .map(|cell| cell.revenue.unscaled())
                .enumerate()
        };
        let (low, least) = revenue().min_by_key(|(column, cents)| (*cents, *column))?;
        let (high, most) = revenue().max_by_key(|(column, cents)| (*cents, Reverse(*column)))?;
        Some((most - least, row, low, high))
    });
    let (spread, row, low, high) =
        spreads.max_by_key(|(spread, row, ..)| (*spread, Reverse(&row.platform)))?;
    if spread == 0 {
        return Some("All models agree on this run.".to_owned());
    }
    Some(format!(
        "{} depends most on the model: from {} ({}) to {} ({}).",
        quoted(&row.platform),
        amounts.with_currency(row.cells[low].revenue),
        report.models.models[low],
        amounts.with_currency(row.cells[high].revenue),
        report.models.models[high],
    ))
}

/// `day`, `week`, …
pub(super) fn step_name(step: Step) -> &'static str {
    match step {
        Step::Day => "day",
        Step::Week => "week",
        Step::Month => "month",
        Step::Year => "year",
    }
}

pub(super) fn funnel(report: &Report) -> Option<String> {
    let periods = &report.funnel.periods;
    let step = step_name(report.funnel.step);
    let busiest = periods
        .iter()
        .max_by_key(|period| (period.events, Reverse(&period.start)))?;
    let (that_of, week_of) = match report.funnel.step {
        Step::Week => ("that of ", "the week of "),
        _ => ("", ""),
    };
    let events = count(busiest.events);
    let best = periods
        .iter()
        .max_by_key(|period| (period.contracts, Reverse(&period.start)))?;
    let contracts = match best.contracts {
        0 => String::new(),
        most => format!(
            "; most contracts, {}, came in {week_of}{}",
            count(most),
            best.start
        ),
    };
    let earlier = match report.funnel.earlier_events {
        0 => String::new(),
        events => format!(
            "; {} events before {} are not shown",
            count(events),
            periods[0].start
        ),
    };
    Some(format!(
        "The busiest {step} was {that_of}{} with {events} events{contracts}{earlier}.",
        busiest.start
    ))
}

pub(super) fn cohorts(report: &Report) -> Option<String> {
    let amounts = Amounts::of(report);
    let so_far = report
        .cohorts
        .rows
        .iter()
        .filter_map(|cohort| Some((cohort.cumulative_revenue_per_client.last()?, cohort)));
    let (most, cohort) =
        so_far.max_by_key(|(cell, cohort)| (cell.unscaled(), Reverse(&cohort.month)))?;
    let earlier = match report.cohorts.earlier {
        0 => String::new(),
        cohorts => format!(" {} older cohorts are not shown.", count(cohorts)),
    };
    Some(format!(
        "The clients of {} have earned most so far: {} each, over {} clients.{earlier}",
        cohort.month,
        amounts.with_currency(*most),
        count(cohort.clients)
    ))
}

/// The bar in which half of all contracts is reached.
fn median(bars: &[Bar]) -> Option<&Bar> {
    let all: i64 = bars.iter().map(|bar| bar.contracts).sum();
    let mut so_far = 0;
    bars.iter().find(|bar| {
        so_far += bar.contracts;
        all > 0 && so_far * 2 >= all
    })
}

pub(super) fn wait(report: &Report) -> Option<String> {
    let median = median(&report.time_to_contract)?;
    let days = median.label.rsplit('-').next().unwrap_or(&median.label);
    Some(match (median.label.as_str(), days.strip_suffix('+')) {
        ("before first touch", _) => "Most contracts are dated before the first touch.".to_owned(),
        ("0", _) => {
            "At least half of all contracts are signed on the day of the first touch.".to_owned()
        }
        (_, Some(days)) => format!("Most contracts take {days} days or more."),
        (_, None) => format!("At least half of all contracts are signed within {days} days."),
    })
}

pub(super) fn length(report: &Report) -> Option<String> {
    let median = median(&report.path_length)?;
    let all = report.path_length.iter().map(|bar| bar.contracts).sum();
    let alone = report.path_length.iter().find(|bar| bar.label == "1");
    let alone = alone.map_or(0, |bar| bar.contracts);
    let alone = percent(alone, all);
    let need = match median.label.strip_suffix('+') {
        Some(touches) => format!("Most contracts need {touches} touches or more"),
        None if median.label == "1" => "Most contracts need a single touch".to_owned(),
        None => format!(
            "At least half of all contracts need {} touches or fewer",
            median.label
        ),
    };
    Some(format!(
        "{need}; {alone} have no touch but the contract event."
    ))
}

pub(super) fn paths(report: &Report, shown: usize) -> Option<String> {
    let top = report.paths.top.get(..shown).unwrap_or(&report.paths.top);
    let contracts = top.iter().map(|path| path.contracts).sum();
    let all = report.paths.all_contracts;
    let (first, paths) = (top.first()?, report.paths.all_paths);
    if paths == 1 {
        return Some(format!(
            "All {} took the same path.",
            contracts_of(first.contracts)
        ));
    }
    Some(format!(
        "Shown: {} of {} paths, with {} of {} contracts ({}).",
        top.len(),
        count(paths),
        count(contracts),
        count(all),
        percent(contracts, all)
    ))
}

pub(super) fn multiplier(report: &Report) -> Option<String> {
    let summary = &report.summary;
    (summary.total_events > 0).then(|| {
        format!(
            "A first-touch count sees {} of {} touches ({}); all of them are {} times as many.",
            count(summary.first_touch_events),
            count(summary.total_events),
            percent(summary.first_touch_events, summary.total_events),
            summary.data_multiplier
        )
    })
}

pub(super) fn quality(report: &Report) -> Option<String> {
    let number = |verdict| {
        report
            .quality
            .iter()
            .filter(|check| check.verdict == verdict)
            .count()
    };
    let (failed, passed) = (number(Verdict::Failed), number(Verdict::Passed));
    let shown = number(Verdict::Shown);
    if report.quality.is_empty() {
        return None;
    }
    let judged = match (failed, passed) {
        (0, 0) => "No check has a limit".to_owned(),
        (0, passed) => format!("All {passed} checks with a limit passed"),
        (failed, passed) => format!("{failed} of {} checks with a limit failed", failed + passed),
    };
    let are = if shown == 1 { "is" } else { "are" };
    Some(format!(
        "{judged}; {shown} more {are} shown for information."
    ))
}

fn contracts_of(number: i64) -> String {
    format!(
        "{} {}",
        count(number),
        if number == 1 { "contract" } else { "contracts" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, contracts: i64) -> Bar {
        Bar {
            label: label.to_owned(),
            contracts,
            revenue: Decimal::new(0, 2),
        }
    }

    #[test]
    fn the_median_bar_is_where_half_of_the_contracts_is_reached() {
        let bars = [bar("1", 2), bar("2", 0), bar("3", 1), bar("4", 2)];
        // 2, 2, 3, 5 of 5: half is 2.5, reached at 3.
        assert_eq!(median(&bars).map(|bar| bar.label.as_str()), Some("3"));
        assert!(median(&[bar("1", 0)]).is_none());
    }

    #[test]
    fn shares_have_one_digit_and_no_whole_gives_a_dash() {
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "–");
    }
}
