//! The funnel drawn as strips of bars over one time axis.
//!
//! In: the funnel. Out: per measure a strip whose bars are heights in percent of a round
//! top value, and the axis's labels by their place in percent. The page stretches the
//! bars to its width; texts stay text.

use serde::Serialize;

use crate::report::data::{Funnel, Period, Step};
use crate::report::findings::{Amounts, step_name};
use crate::report::number::{Decimal, count, drawn, short};

/// About so many labels on the time axis.
const LABELS: usize = 6;

/// One measure over time.
#[derive(Debug, Serialize)]
pub(super) struct Strip {
    name: &'static str,
    total: String,
    top: String,
    bars: Vec<StripBar>,
}

/// One bar: its height of 100, and what a pointer on it is told.
#[derive(Debug, Serialize)]
struct StripBar {
    height: f64,
    title: String,
}

/// A label of the time axis, `left` percent from its start.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct TimeLabel {
    left: f64,
    text: String,
}

/// The strips, from many to few.
pub(super) fn strips(funnel: &Funnel, amounts: &Amounts<'_>) -> Vec<Strip> {
    let counted = |name, of: fn(&Period) -> i64| {
        let values = funnel.periods.iter().map(of);
        let total = count(values.clone().sum());
        let texts = values
            .clone()
            .map(|value| format!("{} {name}", count(value)));
        strip(funnel, name, total, values.map(drawn).zip(texts).collect())
    };
    let revenue = funnel.periods.iter().map(|period| period.revenue);
    let cents = revenue.clone().map(Decimal::unscaled).sum();
    let total = amounts.with_currency(Decimal::new(cents, 2));
    let values = revenue.map(|value| (value.drawn(), amounts.with_currency(value)));
    vec![
        counted("events", |period| period.events),
        counted("first touches", |period| period.first_touches),
        counted("contracts", |period| period.contracts),
        strip(funnel, "revenue", total, values.collect()),
    ]
}

fn strip(funnel: &Funnel, name: &'static str, total: String, values: Vec<(f64, String)>) -> Strip {
    let top = round_top(values.iter().map(|(value, _)| *value).fold(0.0, f64::max));
    let bars = values
        .into_iter()
        .zip(&funnel.periods)
        .map(|((value, text), period)| {
            let of = if funnel.step == Step::Week {
                "week of "
            } else {
                ""
            };
            let height = (value.max(0.0) / top * 1000.0).round() / 10.0;
            StripBar {
                height,
                title: format!("{of}{}: {text}", period.start),
            }
        });
    Strip {
        name,
        total,
        top: short(top),
        bars: bars.collect(),
    }
}

/// The labels of the time axis, evenly spaced.
pub(super) fn time_labels(funnel: &Funnel) -> Vec<TimeLabel> {
    let periods = &funnel.periods;
    let digits = match funnel.step {
        Step::Day | Step::Week => 10,
        Step::Month => 7,
        Step::Year => 4,
    };
    let every = periods.len().div_ceil(LABELS).max(1);
    let all = drawn(i64::try_from(periods.len()).unwrap_or(i64::MAX));
    let labelled = periods.iter().enumerate().step_by(every);
    labelled
        .map(|(place, period)| {
            let left = drawn(i64::try_from(place).unwrap_or(i64::MAX)) / all;
            let text = period.start.chars().take(digits).collect();
            TimeLabel {
                left: (left * 1000.0).round() / 10.0,
                text,
            }
        })
        .collect()
}

/// `per week`, for the chart's heading.
pub(super) fn per(funnel: &Funnel) -> String {
    format!("per {}", step_name(funnel.step))
}

/// The next of 1, 1.2, 1.5, 2, 3, … times a power of ten; 1 when there is nothing to show.
fn round_top(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power);
    steps
        .into_iter()
        .find(|top| *top >= value * (1.0 - 1e-12))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9 * right.abs()
    }

    #[test]
    fn the_top_of_an_axis_is_a_round_number_just_above() {
        let pairs = [
            (0.0, 1.0),
            (1.0, 1.0),
            (3.5, 4.0),
            (812.0, 1000.0),
            (2_100.0, 2_500.0),
        ];
        for (value, top) in pairs {
            assert!(
                close(round_top(value), top),
                "{value} got {}",
                round_top(value)
            );
        }
    }

    #[test]
    fn labels_are_spread_over_the_axis() {
        let period = |day: u32| Period {
            start: format!("2025-01-{day:02}"),
            events: 0,
            first_touches: 0,
            contracts: 0,
            revenue: Decimal::new(0, 2),
        };
        let periods = (1..=8).map(period).collect();
        let labels = time_labels(&Funnel {
            step: Step::Day,
            periods,
            earlier_events: 0,
        });
        // Eight periods, six labels at most: every second.
        let places: Vec<f64> = labels.iter().map(|label| label.left).collect();
        assert_eq!(places, [0.0, 25.0, 50.0, 75.0]);
        assert_eq!(labels[1].text, "2025-01-03");
    }
}
