//! The funnel over time, in periods that keep it readable.
//!
//! In: `funnel_daily`. Out: days, weeks, months or years without gaps, at most
//! [`PERIODS`] of them; a history longer than that loses its oldest years, and says so.

use chrono::{Datelike, Days, NaiveDate};
use datafusion::prelude::SessionContext;

use super::ReportError;
use super::data::{Funnel, Period, Step};
use super::number::Decimal;
use super::rows::Rows;

/// The most periods shown.
const PERIODS: usize = 160;
/// Up to this many days are shown day by day: a quarter.
const DAILY: i64 = 92;
/// Up to this many days are shown by week: three years.
const WEEKLY: i64 = 3 * 366;
/// Up to this many days are shown by month: twelve years.
const MONTHLY: i64 = 12 * 366;

/// The funnel and the last day with an event.
pub(super) struct ReadFunnel {
    pub(super) shown: Funnel,
    pub(super) last_day: Option<NaiveDate>,
}

/// One day of `funnel_daily`, its platforms and channels added up.
struct Day {
    date: NaiveDate,
    events: i64,
    first_touches: i64,
    contracts: i64,
    cents: i128,
}

pub(super) async fn read(context: &SessionContext) -> Result<ReadFunnel, ReportError> {
    let sql = "
        select day, sum(total_events) as events, sum(first_touch_events) as first_touches,
               sum(contracts) as contracts, coalesce(sum(revenue), 0) as revenue
        from prod.funnel_daily
        group by day
        order by day";
    let rows = Rows::query(context, "funnel_daily", sql).await?;
    let events = rows.counts("events")?;
    let first_touches = rows.counts("first_touches")?;
    let contracts = rows.counts("contracts")?;
    let revenue = rows.decimals("revenue", 2)?;
    let dates = rows.dates("day")?.into_iter().enumerate();
    let days: Vec<Day> = dates
        .map(|(row, date)| Day {
            date,
            events: events[row],
            first_touches: first_touches[row],
            contracts: contracts[row],
            cents: revenue[row].unscaled(),
        })
        .collect();
    Ok(ReadFunnel {
        shown: fold(&days),
        last_day: days.last().map(|day| day.date),
    })
}

/// Folds days, oldest first, into the periods shown.
fn fold(days: &[Day]) -> Funnel {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Funnel {
            step: Step::Day,
            periods: Vec::new(),
            earlier_events: 0,
        };
    };
    let step = match (last.date - first.date).num_days() {
        span if span < DAILY => Step::Day,
        span if span < WEEKLY => Step::Week,
        span if span < MONTHLY => Step::Month,
        _ => Step::Year,
    };
    let mut start = start_of(last.date, step);
    let mut starts = vec![start];
    while starts.len() < PERIODS && start > first.date {
        let Some(earlier) = start.pred_opt().map(|day| start_of(day, step)) else {
            break;
        };
        start = earlier;
        starts.push(start);
    }
    starts.reverse();
    let mut sums = vec![(0, 0, 0, 0); starts.len()];
    let mut earlier_events = 0;
    for day in days {
        let Some(place) = starts
            .partition_point(|start| *start <= day.date)
            .checked_sub(1)
        else {
            earlier_events += day.events;
            continue;
        };
        let (events, first_touches, contracts, cents) = &mut sums[place];
        *events += day.events;
        *first_touches += day.first_touches;
        *contracts += day.contracts;
        *cents += day.cents;
    }
    let periods = starts.iter().zip(sums);
    let periods = periods
        .map(
            |(start, (events, first_touches, contracts, cents))| Period {
                start: start.to_string(),
                events,
                first_touches,
                contracts,
                revenue: Decimal::new(cents, 2),
            },
        )
        .collect();
    Funnel {
        step,
        periods,
        earlier_events,
    }
}

/// The first day of the period that `day` falls into.
fn start_of(day: NaiveDate, step: Step) -> NaiveDate {
    let days_back = match step {
        Step::Day => 0,
        Step::Week => day.weekday().num_days_from_monday(),
        Step::Month => day.day0(),
        Step::Year => day.ordinal0(),
    };
    day.checked_sub_days(Days::new(days_back.into()))
        .unwrap_or(day)
}

/// The calendar months from the month of `from` to that of `to`.
pub(super) fn months_between(from: NaiveDate, to: NaiveDate) -> i64 {
    let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
    months(to) - months(from)
}

/// `2025-04` as the first day of that month.
pub(super) fn month_start(month: &str) -> Option<NaiveDate> {
    format!("{month}-01").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(date: &str, events: i64, cents: i128) -> Day {
        Day {
            date: date.parse().unwrap(),
            events,
            first_touches: 1,
            contracts: 0,
            cents,
        }
    }

    fn shown(funnel: &Funnel) -> Vec<(&str, i64)> {
        funnel
            .periods
            .iter()
            .map(|period| (period.start.as_str(), period.events))
            .collect()
    }

    #[test]
    fn a_short_history_is_shown_by_day_without_gaps() {
        let funnel = fold(&[day("2025-02-27", 2, 150), day("2025-03-01", 3, 0)]);
        assert_eq!(funnel.step, Step::Day);
        assert_eq!(
            shown(&funnel),
            [("2025-02-27", 2), ("2025-02-28", 0), ("2025-03-01", 3)]
        );
        assert_eq!(funnel.periods[0].revenue, Decimal::new(150, 2));
    }

    #[test]
    fn half_a_year_is_shown_by_week_from_monday() {
        // 2025-04-24 is a Thursday: its week starts on the 21st. 182 days on lies 2025-10-23.
        let funnel = fold(&[
            day("2025-04-24", 2, 0),
            day("2025-04-27", 1, 0),
            day("2025-10-23", 5, 0),
        ]);
        assert_eq!(funnel.step, Step::Week);
        assert_eq!(shown(&funnel)[0], ("2025-04-21", 3));
        assert_eq!(shown(&funnel)[26], ("2025-10-20", 5));
        assert_eq!(funnel.periods.len(), 27);
    }

    #[test]
    fn ten_years_are_shown_by_month() {
        let funnel = fold(&[day("2015-12-31", 1, 0), day("2025-12-01", 1, 0)]);
        assert_eq!(funnel.step, Step::Month);
        assert_eq!(funnel.periods.len(), 121);
        assert_eq!(shown(&funnel)[0], ("2015-12-01", 1));
    }

    #[test]
    fn a_stray_date_of_centuries_ago_is_counted_and_not_drawn() {
        let funnel = fold(&[day("1025-01-05", 7, 0), day("2025-06-01", 1, 0)]);
        assert_eq!(funnel.step, Step::Year);
        assert_eq!(funnel.periods.len(), PERIODS);
        assert_eq!(funnel.earlier_events, 7);
        assert_eq!(shown(&funnel).last(), Some(&("2025-01-01", 1)));
    }

    #[test]
    fn no_event_gives_no_period() {
        assert_eq!(fold(&[]).periods, []);
    }

    #[test]
    fn months_are_counted_by_the_calendar() {
        let month = |text| month_start(text).unwrap();
        assert_eq!(months_between(month("2024-12"), month("2025-02")), 2);
        assert_eq!(month_start("soon"), None);
    }
}
