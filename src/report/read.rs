//! Reads the result datasets of one run into a [`Report`].
//!
//! In: a session with the datasets as `prod.<dataset>`. Out: the report's data. The engine
//! does the sums; what comes back is bounded whatever the lake's size: 30 platforms with
//! the rest folded into one row, 50 paths, one row per day or cohort.

use datafusion::prelude::SessionContext;

use super::ReportError;
use super::cohorts;
use super::data::{
    Bar, Check, ContractRow, MultiplierRow, PathRow, Paths, Platform, PlatformRow, Report,
    RunSummary, Summary, Verdict,
};
use super::funnel;
use super::models;
use super::number::Decimal;
use super::rows::Rows;

/// Platforms shown by name; the others are folded into one row that says how many they are.
pub(super) const PLATFORMS: usize = 30;
/// Paths read, for the flow chart and the table.
const PATHS: usize = 50;
/// Paths of this many touches or more share a bar.
const LONG_PATH: i64 = 10;
/// The waiting times of `time_to_contract`, shortest first.
const WAITS: [&str; 8] = [
    "before first touch",
    "0",
    "1-3",
    "4-7",
    "8-14",
    "15-30",
    "31-60",
    "61+",
];

/// Reads the result datasets of one run.
///
/// # Errors
/// A dataset or column that is missing, of an unusable type, or null where it must not be.
pub async fn read(context: &SessionContext, about: RunSummary) -> Result<Report, ReportError> {
    let summary = summary(context).await?;
    let platforms = platforms(context).await?;
    let funnel = funnel::read(context).await?;
    Ok(Report {
        platforms,
        contracts_by_event_platform: contracts_by_event_platform(context).await?,
        contracts_by_attributed_platform: contracts_by_attributed_platform(context).await?,
        models: models::read(context, &about.models).await?,
        cohorts: cohorts::read(context, funnel.last_day).await?,
        funnel: funnel.shown,
        time_to_contract: time_to_contract(context).await?,
        path_length: path_length(context).await?,
        paths: paths(context, summary.contracts).await?,
        first_touch_vs_full: first_touch_vs_full(context).await?,
        quality: quality(context).await?,
        summary,
        run: about,
    })
}

async fn summary(context: &SessionContext) -> Result<Summary, ReportError> {
    let sql = "
        select total_events, unique_clients, first_touch_events, mid_and_last_touch_events,
               contracts, clients_with_contracts, coalesce(total_revenue, 0) as total_revenue,
               unique_platforms, coalesce(data_multiplier, 0) as data_multiplier
        from prod.summary";
    let rows = Rows::query(context, "summary", sql).await?;
    if rows.len() != 1 {
        return Err(ReportError::NotOneRow {
            dataset: "summary",
            rows: rows.len(),
        });
    }
    Ok(Summary {
        total_events: rows.counts("total_events")?[0],
        unique_clients: rows.counts("unique_clients")?[0],
        first_touch_events: rows.counts("first_touch_events")?[0],
        mid_and_last_touch_events: rows.counts("mid_and_last_touch_events")?[0],
        contracts: rows.counts("contracts")?[0],
        clients_with_contracts: rows.counts("clients_with_contracts")?[0],
        total_revenue: rows.decimals("total_revenue", 2)?[0],
        unique_platforms: rows.counts("unique_platforms")?[0],
        data_multiplier: rows.decimals("data_multiplier", 2)?[0],
    })
}

/// A query whose rows beyond [`PLATFORMS`] are folded into one: `grouped` gives one row per
/// `platform`, `order` ranks them, `sums` is the rest of the select list, over many rows for
/// the folded row. The result has `platform` (null for the folded row) and `platforms`.
fn folded(grouped: &str, order: &str, sums: &str) -> String {
    format!(
        "with grouped as ({grouped}),
        ranked as (
            select *, row_number() over (order by {order}, platform) as place from grouped
        )
        select case when place <= {PLATFORMS} then platform end as platform,
               count(*) as platforms, {sums}
        from ranked
        group by case when place <= {PLATFORMS} then platform end,
                 case when place <= {PLATFORMS} then place else {PLATFORMS} + 1 end
        order by case when place <= {PLATFORMS} then place else {PLATFORMS} + 1 end"
    )
}

pub(super) fn platform_names(rows: &Rows) -> Result<Vec<Platform>, ReportError> {
    let folded = rows.counts("platforms")?;
    let names = rows.optional_texts("platform")?.into_iter().zip(folded);
    Ok(names
        .map(|(name, others)| name.map_or(Platform::Others { others }, Platform::Named))
        .collect())
}

async fn platforms(context: &SessionContext) -> Result<Vec<PlatformRow>, ReportError> {
    let grouped = "
        select touches.platform, touches.total_touches, touches.unique_clients,
               coalesce(firsts.first_touches, 0) as first_touches,
               coalesce(deals.contracts, 0) as contracts, touches.clients_who_converted,
               touches.conversion_rate_pct, coalesce(touches.total_revenue, 0) as revenue
        from prod.platform_touches as touches
        left join prod.first_touch_vs_full as firsts on touches.platform = firsts.platform
        left join (
            select event_platform, count(*) as contracts from prod.fact_contracts
            group by event_platform
        ) as deals on touches.platform = deals.event_platform";
    // One row: the value itself. Folded: clients overlap between platforms, so no sum is true.
    let sums = "
        sum(total_touches) as touches, sum(first_touches) as first_touches,
        sum(contracts) as contracts, sum(revenue) as revenue,
        case when count(*) = 1 then max(unique_clients) end as clients,
        case when count(*) = 1 then max(clients_who_converted) end as clients_converted,
        case when count(*) = 1 then max(conversion_rate_pct) end as conversion_rate_pct";
    let sql = folded(grouped, "total_touches desc", sums);
    let rows = Rows::query(context, "platform_touches", &sql).await?;
    let touches = rows.counts("touches")?;
    let clients = rows.optional_counts("clients")?;
    let first_touches = rows.counts("first_touches")?;
    let contracts = rows.counts("contracts")?;
    let clients_converted = rows.optional_counts("clients_converted")?;
    let conversion_rate_pct = rows.optional_decimals("conversion_rate_pct", 2)?;
    let revenue = rows.decimals("revenue", 2)?;
    let names = platform_names(&rows)?.into_iter().enumerate();
    Ok(names
        .map(|(row, platform)| PlatformRow {
            platform,
            touches: touches[row],
            clients: clients[row],
            first_touches: first_touches[row],
            contracts: contracts[row],
            clients_converted: clients_converted[row],
            conversion_rate_pct: conversion_rate_pct[row],
            revenue: revenue[row],
        })
        .collect())
}

async fn contracts_by_event_platform(
    context: &SessionContext,
) -> Result<Vec<ContractRow>, ReportError> {
    let grouped = "
        select event_platform as platform, count(*) as contracts,
               coalesce(sum(contract_amount), 0) as revenue,
               sum(total_touches) as touches, sum(days_to_convert) as days
        from prod.fact_contracts
        group by event_platform";
    let sums = "
        sum(contracts) as contracts, sum(revenue) as revenue,
        sum(touches) as touches, sum(days) as days";
    let sql = folded(grouped, "contracts desc, revenue desc", sums);
    let rows = Rows::query(context, "fact_contracts", &sql).await?;
    let contracts = rows.counts("contracts")?;
    let revenue = rows.decimals("revenue", 2)?;
    let touches = rows.counts("touches")?;
    let days = rows.counts("days")?;
    let mean = |sum: i64, of: i64| Decimal::ratio(i128::from(sum), i128::from(of), 1);
    let names = platform_names(&rows)?.into_iter().enumerate();
    Ok(names
        .map(|(row, platform)| ContractRow {
            platform,
            contracts: contracts[row],
            revenue: revenue[row],
            avg_touches: mean(touches[row], contracts[row]),
            avg_days: mean(days[row], contracts[row]),
        })
        .collect())
}

async fn contracts_by_attributed_platform(
    context: &SessionContext,
) -> Result<Vec<ContractRow>, ReportError> {
    let grouped = "
        select attributed_platform as platform, contracts, coalesce(revenue, 0) as revenue,
               avg_touches, avg_days
        from prod.contracts_by_platform";
    let sums = "
        sum(contracts) as contracts, sum(revenue) as revenue,
        case when count(*) = 1 then max(avg_touches) end as avg_touches,
        case when count(*) = 1 then max(avg_days) end as avg_days";
    let sql = folded(grouped, "contracts desc, revenue desc", sums);
    let rows = Rows::query(context, "contracts_by_platform", &sql).await?;
    let contracts = rows.counts("contracts")?;
    let revenue = rows.decimals("revenue", 2)?;
    let avg_touches = rows.optional_decimals("avg_touches", 1)?;
    let avg_days = rows.optional_decimals("avg_days", 1)?;
    let names = platform_names(&rows)?.into_iter().enumerate();
    Ok(names
        .map(|(row, platform)| ContractRow {
            platform,
            contracts: contracts[row],
            revenue: revenue[row],
            avg_touches: avg_touches[row],
            avg_days: avg_days[row],
        })
        .collect())
}

async fn time_to_contract(context: &SessionContext) -> Result<Vec<Bar>, ReportError> {
    let sql = "
        select bucket, sum(contracts) as contracts, coalesce(sum(revenue), 0) as revenue
        from prod.time_to_contract
        group by bucket
        order by bucket";
    let found = bars(
        &Rows::query(context, "time_to_contract", sql).await?,
        "bucket",
    )?;
    Ok(on_axis(found, WAITS.iter().map(|wait| (*wait).to_owned())))
}

async fn path_length(context: &SessionContext) -> Result<Vec<Bar>, ReportError> {
    let sql = format!(
        "select least(total_touches, {LONG_PATH}) as touches, sum(contracts) as contracts,
               coalesce(sum(revenue), 0) as revenue
        from prod.path_length
        group by least(total_touches, {LONG_PATH})
        order by touches"
    );
    let mut found = bars(&Rows::query(context, "path_length", &sql).await?, "touches")?;
    let long = LONG_PATH.to_string();
    for bar in found.iter_mut().filter(|bar| bar.label == long) {
        bar.label.push('+');
    }
    let longest = found.last().map(|bar| bar.label.clone());
    let shorter = (1..LONG_PATH).map(|touches| touches.to_string());
    let shorter = shorter.take_while(|touches| Some(touches) != longest.as_ref());
    Ok(on_axis(found, shorter))
}

/// The bars in the order of the axis, empty ones where none was found; a label that the axis
/// does not know comes last rather than being lost. No bars stay no bars.
fn on_axis(mut found: Vec<Bar>, axis: impl Iterator<Item = String>) -> Vec<Bar> {
    if found.is_empty() {
        return found;
    }
    let mut bars: Vec<Bar> = Vec::new();
    for label in axis {
        let place = found.iter().position(|bar| bar.label == label);
        let empty = || Bar {
            label,
            contracts: 0,
            revenue: Decimal::new(0, 2),
        };
        bars.push(place.map_or_else(empty, |place| found.remove(place)));
    }
    bars.append(&mut found);
    bars
}

fn bars(rows: &Rows, label: &'static str) -> Result<Vec<Bar>, ReportError> {
    let contracts = rows.counts("contracts")?;
    let revenue = rows.decimals("revenue", 2)?;
    let labels = rows.texts(label)?.into_iter().enumerate();
    Ok(labels
        .map(|(row, label)| Bar {
            label,
            contracts: contracts[row],
            revenue: revenue[row],
        })
        .collect())
}

async fn paths(context: &SessionContext, all_contracts: i64) -> Result<Paths, ReportError> {
    let sql = "select count(*) as paths from prod.top_paths";
    let all_paths = Rows::query(context, "top_paths", sql)
        .await?
        .counts("paths")?[0];
    let sql = format!(
        "select path, contracts, clients, coalesce(revenue, 0) as revenue
        from prod.top_paths
        order by contracts desc, revenue desc, path
        limit {PATHS}"
    );
    let rows = Rows::query(context, "top_paths", &sql).await?;
    let contracts = rows.counts("contracts")?;
    let clients = rows.counts("clients")?;
    let revenue = rows.decimals("revenue", 2)?;
    let names = rows.texts("path")?.into_iter().enumerate();
    let top = names
        .map(|(row, path)| PathRow {
            path,
            contracts: contracts[row],
            clients: clients[row],
            revenue: revenue[row],
        })
        .collect();
    Ok(Paths {
        all_paths,
        all_contracts,
        top,
    })
}

async fn first_touch_vs_full(context: &SessionContext) -> Result<Vec<MultiplierRow>, ReportError> {
    let grouped = "select platform, first_touches, all_touches from prod.first_touch_vs_full";
    let sums = "sum(first_touches) as first_touches, sum(all_touches) as all_touches";
    let sql = folded(grouped, "all_touches desc", sums);
    let rows = Rows::query(context, "first_touch_vs_full", &sql).await?;
    let first_touches = rows.counts("first_touches")?;
    let all_touches = rows.counts("all_touches")?;
    let names = platform_names(&rows)?.into_iter().enumerate();
    Ok(names
        .map(|(row, platform)| MultiplierRow {
            platform,
            first_touches: first_touches[row],
            all_touches: all_touches[row],
            multiplier: Decimal::ratio(all_touches[row].into(), first_touches[row].into(), 2),
        })
        .collect())
}

async fn quality(context: &SessionContext) -> Result<Vec<Check>, ReportError> {
    let sql = "
        select \"check\", figure, \"limit\", passed, detail from prod.quality
        order by passed, \"limit\" is null, \"check\"";
    let rows = Rows::query(context, "quality", sql).await?;
    let figure = rows.optional_decimals("figure", 6)?;
    let limit = rows.optional_decimals("limit", 6)?;
    let passed = rows.booleans("passed")?;
    let detail = rows.optional_texts("detail")?;
    let names = rows.texts("check")?.into_iter().enumerate();
    Ok(names
        .map(|(row, check)| Check {
            check,
            figure: figure[row].map(Decimal::trimmed),
            limit: limit[row].map(Decimal::trimmed),
            verdict: match (passed[row], limit[row]) {
                (false, _) => Verdict::Failed,
                (true, Some(_)) => Verdict::Passed,
                (true, None) => Verdict::Shown,
            },
            detail: detail[row].clone().unwrap_or_default(),
        })
        .collect())
}
