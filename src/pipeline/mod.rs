//! Computes every dataset of the query files, audits them, publishes them as one run.
//!
//! In: a session with the lake registered, query files, parameters. Out: the run's folder
//! with one Parquet file per dataset, its manifest, its commit. Inputs are checked before
//! anything is written; a run that fails an audit is not published and leaves nothing.
//!
//! The pipeline does not know what attribution is: it knows files of SQL, what each reads,
//! and what each declares.

pub mod dataset;
pub mod describe;
mod inputs;
pub mod order;
pub mod parameters;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, cast, ident};
use datafusion::sql::parser::Statement;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use crate::engine::{Engine, EngineError, user_message};
use crate::error::{Exit, Failure};
use crate::lake::runs::{AuditOutcome, PublishedDataset, RunsError};
use crate::pipeline::dataset::{Dataset, DatasetError};
use crate::pipeline::parameters::Parameter;
use crate::storage::{Location, StorageError};

pub use inputs::check_inputs;

/// What can go wrong while datasets are computed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A query file is wrong.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The lake or a table of it is wrong.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The run could not be published.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A query failed.
    #[error("`queries/{file}`: {}", user_message(.source).message)]
    Query {
        /// The file below the query folder.
        file: String,
        /// What DataFusion says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A query reads a parameter that there is not.
    #[error("`queries/{file}` reads the parameter `{name}`; there are {known}")]
    Parameter {
        /// The file below the query folder.
        file: String,
        /// The parameter.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A query's columns are not those that its header declares.
    #[error("`queries/{file}` declares the columns {declared}, but its query makes {made}")]
    Columns {
        /// The file below the query folder.
        file: String,
        /// The declared ones.
        declared: String,
        /// Those of the query.
        made: String,
    },
    /// Input keys stand on several rows.
    #[error("`{table}`: {keys} of its keys stand on several rows, for example `{key} = {example}`")]
    DuplicateKeys {
        /// `schema.table`.
        table: String,
        /// The key's column.
        key: String,
        /// How many keys.
        keys: u64,
        /// One of them.
        example: String,
    },
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Dataset(error) => error.into(),
            PipelineError::Engine(error) => error.into(),
            PipelineError::Storage(error) => error.into(),
            PipelineError::Runs(error) => error.into(),
            PipelineError::Query { ref source, .. } => {
                let failure = user_message(source);
                Self {
                    message: error.to_string(),
                    ..failure
                }
            }
            PipelineError::Parameter { .. } | PipelineError::Columns { .. } => {
                Self::usage(error.to_string())
            }
            PipelineError::DuplicateKeys { .. } => Self {
                exit: Exit::Audit,
                message: error.to_string(),
                hint: None,
            }
            .with_hint("each would multiply events; remove the duplicates and run again"),
        }
    }
}

/// What the pipeline is doing, for whoever shows it.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The dataset being computed.
    pub dataset: &'a str,
    /// How many are finished.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// What was computed, not yet published.
#[derive(Debug, Default)]
pub struct Computed {
    /// The datasets, in the order in which they were computed.
    pub datasets: Vec<PublishedDataset>,
    /// The audits, failed ones first.
    pub audits: Vec<AuditOutcome>,
    /// What a reader of the run must know: rows left out, by reason.
    pub notes: Vec<String>,
}

/// Where and under which name a run is written.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The output location.
    pub out: &'a Location,
    /// The run's id.
    pub run: &'a str,
}

/// How many datasets are computed at a time: while one waits for a single thread, a sort's
/// last merge or the encoder, another uses the rest of the machine. Each may hold its share
/// of the memory limit.
const AT_ONCE: usize = 2;

/// Computes the datasets into the run's folder, each once what it reads is there, and runs
/// the audits. `datasets` are in an order in which each comes after what it reads.
///
/// # Errors
/// [`PipelineError`]; files written by then stay, unpublished, for the caller to discard.
pub async fn compute(
    engine: &Engine,
    datasets: &[Dataset],
    parameters: &BTreeMap<String, Parameter>,
    target: Target<'_>,
    observe: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Computed, PipelineError> {
    let mut waiting: BTreeMap<usize, &Dataset> = datasets.iter().enumerate().collect();
    let mut missing: BTreeSet<&str> = datasets
        .iter()
        .map(|dataset| dataset.name.as_str())
        .collect();
    let mut running = FuturesUnordered::new();
    // By place, so that the run's manifest does not tell which of two was faster.
    let mut finished: BTreeMap<usize, Computed> = BTreeMap::new();
    loop {
        while running.len() < AT_ONCE {
            let is_ready = |dataset: &Dataset| {
                dataset
                    .reads
                    .iter()
                    .all(|table| !missing.contains(table.as_str()))
            };
            let next = waiting.iter().find(|(_, dataset)| is_ready(dataset));
            let Some((place, dataset)) = next.map(|(place, dataset)| (*place, *dataset)) else {
                break;
            };
            waiting.remove(&place);
            let (dataset_name, done, total) = (&dataset.name, finished.len(), datasets.len());
            observe(Progress {
                dataset: dataset_name,
                done,
                total,
            });
            let computing = Box::pin(compute_one(engine, dataset, parameters, target));
            running.push(computing.map(move |computed| (place, dataset, computed)));
        }
        let Some((place, dataset, computed)) = running.next().await else {
            break;
        };
        finished.insert(place, computed?);
        missing.remove(dataset.name.as_str());
    }
    let mut computed = Computed {
        notes: notes(engine, datasets).await?,
        ..Computed::default()
    };
    for one in finished.into_values() {
        computed.datasets.extend(one.datasets);
        computed.audits.extend(one.audits);
    }
    computed.audits.sort_by_key(|audit| audit.bad_rows == 0);
    Ok(computed)
}

/// Computes one dataset, view or audit whose tables are there.
async fn compute_one(
    engine: &Engine,
    dataset: &Dataset,
    parameters: &BTreeMap<String, Parameter>,
    target: Target<'_>,
) -> Result<Computed, PipelineError> {
    let failure = |source| query_error(dataset, source);
    let mut computed = Computed::default();
    let frame = plan(engine, dataset, parameters).await?;
    if dataset.is_audit() {
        computed.audits.push(audit(dataset, frame).await?);
    } else if dataset.is_view {
        let frame = if dataset.is_kept {
            frame.cache().await.map_err(failure)?
        } else {
            frame
        };
        register(engine, dataset, frame.into_view()).map_err(failure)?;
    } else {
        publish_dataset(engine, dataset, frame, target, &mut computed).await?;
    }
    Ok(computed)
}

fn query_error(dataset: &Dataset, source: DataFusionError) -> PipelineError {
    PipelineError::Query {
        file: dataset.file(),
        source: Box::new(source),
    }
}

/// The dataset's query: parameters bound, columns in their declared types, rows in their order.
async fn plan(
    engine: &Engine,
    dataset: &Dataset,
    parameters: &BTreeMap<String, Parameter>,
) -> Result<DataFrame, PipelineError> {
    let bound = parameters::bind(&dataset.statement, parameters).map_err(|name| {
        let known: Vec<String> = parameters.keys().map(|name| format!("${name}")).collect();
        PipelineError::Parameter {
            file: dataset.file(),
            name,
            known: known.join(", "),
        }
    })?;
    let failure = |source| query_error(dataset, source);
    let state = engine.context().state();
    let statement = Statement::Statement(Box::new(bound));
    let logical = state.statement_to_plan(statement).await.map_err(failure)?;
    let frame = DataFrame::new(state, logical);
    let frame = typed(dataset, frame)?;
    if dataset.is_view || dataset.order.is_empty() {
        return Ok(frame);
    }
    // A query's own `order by` does not bind what stands on top of it: the planner may deal
    // the rows out to several threads again. The sort it asks for twice is done once.
    let order = dataset
        .order
        .iter()
        .map(|name| ident(name).sort(true, false));
    frame.sort(order.collect()).map_err(failure)
}

/// The frame with its columns in their declared types, which must be those it makes.
fn typed(dataset: &Dataset, frame: DataFrame) -> Result<DataFrame, PipelineError> {
    if dataset.columns.is_empty() {
        return Ok(frame);
    }
    let made: Vec<&str> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let declared: Vec<&str> = dataset
        .columns
        .iter()
        .map(|column| column.field.name().as_str())
        .collect();
    if made != declared {
        return Err(PipelineError::Columns {
            file: dataset.file(),
            declared: declared.join(", "),
            made: made.join(", "),
        });
    }
    let typed = dataset.columns.iter().map(|column| {
        let name = column.field.name();
        cast(ident(name), column.field.data_type().clone()).alias(name)
    });
    frame
        .select(typed.collect::<Vec<_>>())
        .map_err(|source| query_error(dataset, source))
}

fn register(
    engine: &Engine,
    dataset: &Dataset,
    view: std::sync::Arc<dyn datafusion::catalog::TableProvider>,
) -> Result<(), DataFusionError> {
    engine
        .context()
        .register_table(dataset.name.as_str(), view)?;
    Ok(())
}

async fn publish_dataset(
    engine: &Engine,
    dataset: &Dataset,
    frame: DataFrame,
    target: Target<'_>,
    computed: &mut Computed,
) -> Result<(), PipelineError> {
    let stream = frame
        .execute_stream()
        .await
        .map_err(|source| query_error(dataset, source))?;
    let written = write::write(dataset, stream, target.out, target.run).await?;
    if written.repeated_grain > 0 {
        computed.audits.push(AuditOutcome {
            audit: format!("{}: one row per {}", dataset.name, dataset.grain.join(", ")),
            bad_rows: written.repeated_grain,
            example: None,
        });
    }
    computed.audits.extend(
        written
            .nulls
            .into_iter()
            .map(|(column, bad_rows)| AuditOutcome {
                audit: format!("{}: {column} is never null", dataset.name),
                bad_rows,
                example: None,
            }),
    );
    engine
        .register_dataset(target.out, target.run, &written.published)
        .await?;
    tracing::info!(
        dataset = dataset.name,
        rows = written.published.rows,
        bytes = written.published.bytes,
        "dataset written"
    );
    computed.datasets.push(written.published);
    Ok(())
}

/// Counts an audit's rows and keeps the first as an example; nothing is collected.
async fn audit(dataset: &Dataset, frame: DataFrame) -> Result<AuditOutcome, PipelineError> {
    let failure = |source| query_error(dataset, source);
    let mut stream = frame.execute_stream().await.map_err(failure)?;
    let mut outcome = AuditOutcome {
        audit: dataset.name.clone(),
        bad_rows: 0,
        example: None,
    };
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(failure)?;
        if outcome.example.is_none() && batch.num_rows() > 0 {
            outcome.example = Some(first_row(&batch).map_err(|error| failure(error.into()))?);
        }
        outcome.bad_rows += batch.num_rows() as u64;
    }
    Ok(outcome)
}

/// The first row as `column = value, …`.
fn first_row(batch: &arrow::array::RecordBatch) -> Result<String, arrow::error::ArrowError> {
    let options = FormatOptions::default().with_null("null");
    let mut cells = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let value = ArrayFormatter::try_new(column.as_ref(), &options)?
            .value(0)
            .try_to_string()?;
        cells.push(format!("{} = {value}", field.name()));
    }
    Ok(cells.join(", "))
}

/// The rows of the view `notes`, if the query files have one.
async fn notes(engine: &Engine, datasets: &[Dataset]) -> Result<Vec<String>, PipelineError> {
    let Some(dataset) = datasets.iter().find(|dataset| dataset.name == "notes") else {
        return Ok(Vec::new());
    };
    let failure = |source| query_error(dataset, source);
    let frame = engine
        .context()
        .sql("select note from notes order by note")
        .await
        .map_err(failure)?;
    let batches = frame.collect().await.map_err(failure)?;
    let mut notes = Vec::new();
    for batch in &batches {
        let column = datafusion::common::cast::as_string_array(batch.column(0)).map_err(failure)?;
        notes.extend(column.iter().flatten().map(str::to_owned));
    }
    Ok(notes)
}
