//! The report's tables as text, every figure written for people.
//!
//! In: the report. Out: columns and rows for the terminal and for Markdown. Names from the
//! data are as they are: each format escapes them.

use super::data::{Bar, Check, ContractRow, Report, Verdict};
use super::findings::{self, Amounts, platform_name, share, step_name};
use super::number::{Decimal, conversions, count};

/// Paths listed in the table.
pub(super) const PATHS_LISTED: usize = 15;

/// One table.
pub(super) struct Table {
    /// What distinguishes it from the section's other table.
    pub(super) caption: Option<&'static str>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// A column's heading and side.
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) is_number: bool,
}

/// A row of written figures.
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    pub(super) tone: Tone,
}

/// How much a row should be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// A total.
    Total,
    /// Something failed.
    Bad,
}

/// Columns from `name` (text) or `#name` (number).
fn columns(names: &[&str]) -> Vec<Column> {
    let columns = names.iter().map(|name| Column {
        heading: name.trim_start_matches('#').to_owned(),
        is_number: name.starts_with('#'),
    });
    columns.collect()
}

fn plain(cells: Vec<String>) -> Row {
    Row {
        cells,
        tone: Tone::Plain,
    }
}

fn table(columns: Vec<Column>, rows: Vec<Row>) -> Table {
    Table {
        caption: None,
        columns,
        rows,
    }
}

fn or_dash(number: Option<Decimal>) -> String {
    number.map_or_else(|| "–".to_owned(), Decimal::grouped)
}

fn count_or_dash(number: Option<i64>) -> String {
    number.map_or_else(|| "–".to_owned(), count)
}

pub(super) fn platforms(report: &Report) -> Table {
    let amounts = Amounts::of(report);
    let summary = &report.summary;
    let rows = report.platforms.iter().map(|row| {
        plain(vec![
            platform_name(&row.platform),
            count(row.touches),
            findings::percent(row.touches, summary.total_events),
            count_or_dash(row.clients),
            count(row.first_touches),
            count(row.contracts),
            count_or_dash(row.clients_converted),
            or_dash(row.conversion_rate_pct),
            amounts.bare(row.revenue),
        ])
    });
    let revenue = format!("#revenue {}", report.run.currency);
    let names = [
        "platform",
        "#touches",
        "#share",
        "#clients",
        "#first touches",
        "#contracts",
        "#converted",
        "#rate %",
        &revenue,
    ];
    table(columns(&names), rows.collect())
}

pub(super) fn contracts(report: &Report) -> Vec<Table> {
    let by = |caption, rows: &[ContractRow]| {
        let amounts = Amounts::of(report);
        let contracts: i64 = rows.iter().map(|row| row.contracts).sum();
        let cents: i128 = rows.iter().map(|row| row.revenue.unscaled()).sum();
        let mut written: Vec<Row> = rows
            .iter()
            .map(|row| {
                plain(vec![
                    platform_name(&row.platform),
                    count(row.contracts),
                    amounts.bare(row.revenue),
                    share(row.revenue.unscaled(), cents),
                    or_dash(row.avg_touches),
                    or_dash(row.avg_days),
                ])
            })
            .collect();
        if !written.is_empty() {
            let revenue = amounts.bare(Decimal::new(cents, 2));
            let cells = ["total".to_owned(), count(contracts), revenue];
            let cells = cells
                .into_iter()
                .chain(std::iter::repeat_n(String::new(), 3))
                .collect();
            written.push(Row {
                cells,
                tone: Tone::Total,
            });
        }
        let revenue = format!("#revenue {}", report.run.currency);
        let names = [
            "platform",
            "#contracts",
            &revenue,
            "#share",
            "#mean touches",
            "#mean days",
        ];
        Table {
            caption: Some(caption),
            columns: columns(&names),
            rows: written,
        }
    };
    vec![
        by(
            "By the platform of the contract event itself",
            &report.contracts_by_event_platform,
        ),
        by(
            "By the platform that attribution credits",
            &report.contracts_by_attributed_platform,
        ),
    ]
}

pub(super) fn models(report: &Report) -> Vec<Table> {
    let amounts = Amounts::of(report);
    let models = &report.models;
    let matrix =
        |caption, write: &dyn Fn(usize, usize) -> String, total: &dyn Fn(usize) -> String| {
            let mut columns = columns(&["platform"]);
            columns.extend(models.models.iter().map(|name| Column {
                heading: name.clone(),
                is_number: true,
            }));
            let range = 0..models.models.len();
            let mut rows: Vec<Row> = Vec::new();
            for (place, row) in models.rows.iter().enumerate() {
                let mut cells = vec![platform_name(&row.platform)];
                cells.extend(range.clone().map(|column| write(place, column)));
                rows.push(plain(cells));
            }
            if !rows.is_empty() {
                let mut cells = vec!["total".to_owned()];
                cells.extend(range.map(total));
                rows.push(Row {
                    cells,
                    tone: Tone::Total,
                });
            }
            Table {
                caption: Some(caption),
                columns,
                rows,
            }
        };
    vec![
        matrix(
            "Revenue",
            &|row, column| amounts.bare(models.rows[row].cells[column].revenue),
            &|column| amounts.bare(models.totals[column].revenue),
        ),
        matrix(
            "Contracts",
            &|row, column| conversions(models.rows[row].cells[column].conversions),
            &|column| conversions(models.totals[column].conversions),
        ),
    ]
}

pub(super) fn funnel(report: &Report) -> Table {
    let amounts = Amounts::of(report);
    let rows = report.funnel.periods.iter().map(|period| {
        plain(vec![
            period.start.clone(),
            count(period.events),
            count(period.first_touches),
            count(period.contracts),
            amounts.bare(period.revenue),
        ])
    });
    let start = match step_name(report.funnel.step) {
        "week" => "week of",
        step => step,
    };
    let revenue = format!("#revenue {}", report.run.currency);
    let names = [start, "#events", "#first touches", "#contracts", &revenue];
    table(columns(&names), rows.collect())
}

pub(super) fn cohorts(report: &Report) -> Table {
    let amounts = Amounts::of(report);
    let months = report
        .cohorts
        .rows
        .iter()
        .map(|row| row.cumulative_revenue_per_client.len());
    let months = months.max().unwrap_or(0);
    let mut names = columns(&["first touch", "#clients", "#contracts"]);
    names.extend((0..months).map(|month| Column {
        heading: format!("+{month}"),
        is_number: true,
    }));
    let rows = report.cohorts.rows.iter().map(|row| {
        let mut cells = vec![row.month.clone(), count(row.clients), count(row.contracts)];
        cells.extend(
            row.cumulative_revenue_per_client
                .iter()
                .map(|cell| amounts.bare(*cell)),
        );
        cells.resize(3 + months, String::new());
        plain(cells)
    });
    table(names, rows.collect())
}

pub(super) fn bars(report: &Report, label: &str, bars: &[Bar]) -> Table {
    let amounts = Amounts::of(report);
    let all = bars.iter().map(|bar| bar.contracts).sum();
    let rows = bars.iter().map(|bar| {
        plain(vec![
            bar.label.clone(),
            count(bar.contracts),
            findings::percent(bar.contracts, all),
            amounts.bare(bar.revenue),
        ])
    });
    let revenue = format!("#revenue {}", report.run.currency);
    table(
        columns(&[label, "#contracts", "#share", &revenue]),
        rows.collect(),
    )
}

pub(super) fn paths(report: &Report) -> Table {
    let amounts = Amounts::of(report);
    let rows = report.paths.top.iter().take(PATHS_LISTED).map(|row| {
        plain(vec![
            short_path(&row.path),
            count(row.contracts),
            count(row.clients),
            amounts.bare(row.revenue),
        ])
    });
    let revenue = format!("#revenue {}", report.run.currency);
    table(
        columns(&["path", "#contracts", "#clients", &revenue]),
        rows.collect(),
    )
}

/// Runs of one platform on a path, in order; at most eight, then how many touches follow.
pub(super) fn runs_of(path: &str) -> (Vec<(&str, usize)>, usize) {
    const SHOWN: usize = 8;
    let steps: Vec<&str> = path.split(" > ").collect();
    let runs = steps
        .chunk_by(|left, right| left == right)
        .map(|run| (run[0], run.len()));
    let runs: Vec<_> = runs.collect();
    let rest = runs.iter().skip(SHOWN).map(|(_, touches)| touches).sum();
    (runs.into_iter().take(SHOWN).collect(), rest)
}

fn short_path(path: &str) -> String {
    let (runs, rest) = runs_of(path);
    let mut words: Vec<String> = runs
        .iter()
        .map(|(name, touches)| match touches {
            1 => (*name).to_owned(),
            _ => format!("{name} ×{touches}"),
        })
        .collect();
    if rest > 0 {
        words.push(format!("{rest} more"));
    }
    words.join(" › ")
}

pub(super) fn multiplier(report: &Report) -> Table {
    let rows = report.first_touch_vs_full.iter().map(|row| {
        plain(vec![
            platform_name(&row.platform),
            count(row.first_touches),
            count(row.all_touches),
            or_dash(row.multiplier),
        ])
    });
    let names = ["platform", "#first touches", "#all touches", "#multiplier"];
    table(columns(&names), rows.collect())
}

pub(super) fn quality(report: &Report) -> Table {
    let rows = report.quality.iter().map(|check| Row {
        cells: vec![
            verdict(check).to_owned(),
            check.check.clone(),
            or_dash(check.figure),
            or_dash(check.limit),
            check.detail.clone(),
        ],
        tone: if check.verdict == Verdict::Failed {
            Tone::Bad
        } else {
            Tone::Plain
        },
    });
    table(
        columns(&["", "check", "#figure", "#limit", "detail"]),
        rows.collect(),
    )
}

/// A check's verdict in one word.
pub(super) fn verdict(check: &Check) -> &'static str {
    match check.verdict {
        Verdict::Failed => "failed",
        Verdict::Passed => "passed",
        Verdict::Shown => "shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_in_runs() {
        assert_eq!(short_path("a > a > b > a"), "a ×2 › b › a");
        assert_eq!(short_path("a"), "a");
    }

    #[test]
    fn a_long_path_says_how_many_touches_follow() {
        // Ten runs: a b a b … with the last two of length 1 and 3: 4 touches unseen.
        let path = "a > b > a > b > a > b > a > b > a > c > c > c";
        assert_eq!(short_path(path), "a › b › a › b › a › b › a › b › 4 more");
    }
}
