//! What `run` and `check` share: settings to a computed, audited, unpublished run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Decimal128Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use datafusion::common::cast::as_string_array;
use serde::Serialize;

use crate::attribution::{self, Model};
use crate::engine::{Engine, EngineError};
use crate::error::{Exit, Failure, nearest};
use crate::lake::runs::{self, RunManifest, RunSettings};
use crate::pipeline::parameters::Parameter;
use crate::pipeline::{self, Computed, Progress, Target, order};
use crate::printer::Total;
use crate::schema::RUN_INPUTS;
use crate::storage::Location;

use super::{Context, Limits, session};

/// What a run computes.
#[derive(Debug, clap::Args, Serialize)]
pub(super) struct Asked {
    /// Leave out touches before this day
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Platform rules, a name or a file [default: v10]
    #[arg(long, value_name = "NAME|FILE")]
    rules: Option<String>,
    /// Attribution models [default: every rule model]
    #[arg(long, value_name = "MODEL,…", value_delimiter = ';')]
    models: Option<Vec<String>>,
    /// Give no credit to touches older than this before their contract
    #[arg(long, value_name = "N")]
    lookback_days: Option<u32>,
    /// A folder of SQL files that replace or add datasets
    #[arg(long, value_name = "DIR")]
    queries: Option<PathBuf>,
    #[command(flatten)]
    #[serde(flatten)]
    limits: Limits,
}

/// The models asked for, or every rule model.
fn models(context: &Context) -> Result<Vec<Model>, Failure> {
    match &context.config.models {
        Some(names) => Ok(attribution::parse_models(&names.join(","))?),
        None => Ok(attribution::default_models()),
    }
}

/// `20250304T101500.000000Z`: ids sort by time, and name no one.
pub(super) fn run_id(started_at: DateTime<Utc>) -> String {
    started_at.format("%Y%m%dT%H%M%S%.6fZ").to_string()
}

/// A computed run and the session that sees its datasets.
pub(super) struct Outcome {
    pub(super) engine: Engine,
    pub(super) manifest: RunManifest,
}

impl Outcome {
    /// The audits that failed.
    pub(super) fn failed(&self) -> Vec<String> {
        let failed = self
            .manifest
            .audits
            .iter()
            .filter(|audit| audit.bad_rows > 0);
        failed
            .map(|audit| {
                let example = audit
                    .example
                    .as_deref()
                    .map_or(String::new(), |e| format!(": {e}"));
                let plural = if audit.bad_rows == 1 { "" } else { "s" };
                format!(
                    "`{}` found {} row{plural}{example}",
                    audit.audit, audit.bad_rows
                )
            })
            .collect()
    }

    /// Rows and bytes of the datasets.
    pub(super) fn total(&self) -> Total {
        let datasets = &self.manifest.datasets;
        Total {
            rows: datasets.iter().map(|dataset| dataset.rows).sum(),
            bytes: Some(datasets.iter().map(|dataset| dataset.bytes).sum()),
        }
    }
}

/// Computes and audits a run below `out`; a failed one leaves nothing there.
///
/// # Errors
/// Whatever is wrong with settings, rules, queries, inputs or stores.
pub(super) async fn compute(
    context: &Context,
    lake: &Location,
    out: &Location,
) -> Result<Outcome, Failure> {
    let started_at = (context.now)();
    let run = run_id(started_at);
    let computing = Box::pin(compute_run(context, lake, out, (&run, started_at)));
    // Ctrl-C is heard here, because what was written by then must go.
    let outcome = tokio::select! {
        outcome = computing => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure {
            exit: Exit::Interrupted,
            message: "interrupted, nothing was published".to_owned(),
            hint: None,
        }),
    };
    if outcome.is_err() {
        discard(context, out, &run).await;
    }
    outcome
}

/// Removes what was written of a run; that this fails too must not hide why it is done.
pub(super) async fn discard(context: &Context, out: &Location, run: &str) {
    if let Err(error) = runs::discard(out, run).await {
        let left = format!("unpublished files of run {run} may be left in {out}");
        context.printer.warn(&format!("{left}: {error}"));
    }
}

async fn compute_run(
    context: &Context,
    lake: &Location,
    out: &Location,
    (run, started_at): (&str, DateTime<Utc>),
) -> Result<Outcome, Failure> {
    let config = &context.config;
    let models = models(context)?;
    let datasets = order::datasets(config.queries.as_deref())?;
    let options = session::options(config)?;
    let engine = Engine::open(lake, &options).await?;
    let place = lake.to_string();
    let mut notes = pipeline::check_inputs(&engine, RUN_INPUTS, &place, &options.time_zone).await?;
    register_limits(&engine, &config.limits)?;
    let names: Vec<String> = models.iter().map(Model::name).collect();
    let parameters = BTreeMap::from([
        ("since".to_owned(), Parameter::Day(config.since)),
        (
            "lookback_days".to_owned(),
            Parameter::Count(config.lookback_days),
        ),
        ("models".to_owned(), Parameter::Text(names.join(","))),
    ]);
    let line = context.printer.progress("datasets", None);
    let observe = |progress: Progress<'_>| {
        line.step(progress.dataset, progress.done, progress.total);
    };
    let target = Target { out, run };
    let Computed {
        datasets,
        audits,
        notes: more,
    } = pipeline::compute(&engine, &datasets, &parameters, target, &observe).await?;
    notes.extend(more);
    drop(line);
    check_limits(&engine, &config.limits).await?;
    let settings = RunSettings {
        since: config.since.map(|day| day.to_string()),
        models: names,
        lookback_days: config.lookback_days,
        time_zone: options.time_zone,
        rules: options.rules.name().to_owned(),
        rules_hash: options.rules.hash().to_owned(),
    };
    let manifest = RunManifest {
        run: run.to_owned(),
        started_at,
        finished_at: (context.now)(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lake: place,
        settings,
        notes,
        audits,
        datasets,
    };
    Ok(Outcome { engine, manifest })
}

/// The limits of the settings as the table `limits` that the quality query reads.
fn register_limits(engine: &Engine, limits: &BTreeMap<String, f64>) -> Result<(), Failure> {
    let batch = limits_batch(limits).map_err(|error| Failure::usage(error.to_string()))?;
    engine
        .context()
        .register_batch("limits", batch)
        .map_err(EngineError::from)?;
    Ok(())
}

/// A limit of a check that there is not would never hold: it is refused.
async fn check_limits(engine: &Engine, limits: &BTreeMap<String, f64>) -> Result<(), Failure> {
    let sql = "select \"check\" from quality";
    let quality = engine.context().sql(sql).await.map_err(EngineError::from)?;
    let batches = quality.collect().await.map_err(EngineError::from)?;
    let mut checks = Vec::new();
    for batch in &batches {
        let names = as_string_array(batch.column(0)).map_err(EngineError::from)?;
        checks.extend(names.iter().flatten());
    }
    match limits
        .keys()
        .find(|limit| !checks.contains(&limit.as_str()))
    {
        None => Ok(()),
        Some(limit) => {
            let failure = Failure::usage(format!("`limits`: there is no check `{limit}`"));
            Err(match nearest(limit, checks.iter().copied()) {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure.with_hint(format!("there are: {}", checks.join(", "))),
            })
        }
    }
}

fn limits_batch(limits: &BTreeMap<String, f64>) -> Result<RecordBatch, ArrowError> {
    const MILLION: f64 = 1e6;
    let checks: StringArray = limits.keys().map(|check| Some(check.as_str())).collect();
    #[expect(clippy::cast_possible_truncation, reason = "a limit is a small number")]
    let numbers: Decimal128Array = limits
        .values()
        .map(|limit| Some((limit * MILLION).round() as i128))
        .collect();
    RecordBatch::try_from_iter_with_nullable([
        ("check", Arc::new(checks) as _, false),
        (
            "limit",
            Arc::new(numbers.with_precision_and_scale(38, 6)?) as _,
            true,
        ),
    ])
}
