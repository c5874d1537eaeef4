//! Cohorts: revenue so far per client, by months since the first touch.
//!
//! In: `cohorts`, which has rows up to a cohort's last contract, and the last day of the
//! data. Out: for each cohort as many months as can have passed; a month without contract
//! repeats the month before, for the money stays earned.

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use super::ReportError;
use super::data::{Cohort, Cohorts};
use super::funnel::{month_start, months_between};
use super::number::Decimal;
use super::rows::Rows;

/// The youngest cohorts that are shown, and the months after the first touch.
const SHOWN: i64 = 24;

/// One row of the dataset.
struct Row {
    month: String,
    months_since: i64,
    clients: i64,
    contracts: i64,
    revenue: Decimal,
    cumulative: Decimal,
}

pub(super) async fn read(
    context: &SessionContext,
    last_day: Option<NaiveDate>,
) -> Result<Cohorts, ReportError> {
    let sql = "select count(distinct cohort_month) as cohorts from prod.cohorts";
    let all = Rows::query(context, "cohorts", sql)
        .await?
        .counts("cohorts")?[0];
    let sql = format!(
        "with ranked as (
            select *, dense_rank() over (order by cohort_month desc) as place from prod.cohorts
        )
        select cohort_month, months_since, clients, contracts,
               coalesce(revenue, 0) as revenue,
               coalesce(cumulative_revenue_per_client, 0) as cumulative
        from ranked
        where place <= {SHOWN}
        order by cohort_month, months_since"
    );
    let rows = Rows::query(context, "cohorts", &sql).await?;
    let months_since = rows.counts("months_since")?;
    let clients = rows.counts("clients")?;
    let contracts = rows.counts("contracts")?;
    let revenue = rows.decimals("revenue", 2)?;
    let cumulative = rows.decimals("cumulative", 2)?;
    // A date or a text, it begins with year and month.
    let months = rows.texts("cohort_month")?.into_iter().enumerate();
    let rows: Vec<Row> = months
        .map(|(row, month)| Row {
            month: month.chars().take(7).collect(),
            months_since: months_since[row],
            clients: clients[row],
            contracts: contracts[row],
            revenue: revenue[row],
            cumulative: cumulative[row],
        })
        .collect();
    let cohorts = rows.chunk_by(|left, right| left.month == right.month);
    Ok(Cohorts {
        rows: cohorts.map(|rows| cohort(rows, last_day)).collect(),
        earlier: (all - SHOWN).max(0),
    })
}

/// One cohort from its rows, at least one, by rising month.
fn cohort(rows: &[Row], last_day: Option<NaiveDate>) -> Cohort {
    let first = &rows[0];
    let passed = month_start(&first.month).zip(last_day);
    let passed = passed.map_or(0, |(month, last_day)| months_between(month, last_day));
    let at = |month: i64| {
        // Contracts dated before the first touch count into month 0.
        let so_far = rows.iter().rev().find(|row| row.months_since <= month);
        so_far.map_or(Decimal::new(0, 2), |row| row.cumulative)
    };
    let cents = rows.iter().map(|row| row.revenue.unscaled()).sum();
    Cohort {
        month: first.month.clone(),
        clients: first.clients,
        contracts: rows.iter().map(|row| row.contracts).sum(),
        revenue: Decimal::new(cents, 2),
        cumulative_revenue_per_client: (0..=passed.clamp(0, SHOWN)).map(at).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(months_since: i64, cents: i128, cumulative: i128) -> Row {
        Row {
            month: "2025-01".to_owned(),
            months_since,
            clients: 4,
            contracts: 1,
            revenue: Decimal::new(cents, 2),
            cumulative: Decimal::new(cumulative, 2),
        }
    }

    #[test]
    fn a_cohort_runs_to_the_end_of_the_data_and_keeps_what_it_earned() {
        // 4 clients: 8.00 dated the month before, 12.00 in month 1, nothing after.
        let rows = [row(-1, 800, 200), row(0, 0, 200), row(1, 1200, 500)];
        let cohort = cohort(&rows, "2025-04-30".parse().ok());
        let cents: Vec<i128> = cohort
            .cumulative_revenue_per_client
            .iter()
            .map(|cell| cell.unscaled())
            .collect();
        assert_eq!(cents, [200, 500, 500, 500]);
        assert_eq!(cohort.revenue, Decimal::new(2000, 2));
        assert_eq!(cohort.contracts, 3);
    }

    #[test]
    fn a_cohort_whose_first_contract_comes_late_starts_at_zero() {
        let cohort = cohort(&[row(1, 400, 100)], "2025-02-01".parse().ok());
        let cents: Vec<i128> = cohort
            .cumulative_revenue_per_client
            .iter()
            .map(|cell| cell.unscaled())
            .collect();
        assert_eq!(cents, [0, 100]);
    }
}
