//! A SQL session over a lake and its published results.
//!
//! In: a lake location, an output location, limits. Out: a DataFusion session in which
//! `raw.*` and `stg.*` are the lake's tables, `prod.*` the current run's datasets, and our
//! functions are registered. Only footers are read until a query runs.

pub mod conform;
mod messages;
pub mod pass;
pub mod udf;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::common::TableReference;
use datafusion::datasource::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext, col};

use crate::error::{Exit, Failure};
use crate::lake::latest::Versions;
use crate::lake::runs::{self, PublishedDataset, RunManifest, RunsError};
use crate::lake::scan::{self, parquet_options};
use crate::lake::{self, LakeError, TableFiles};
use crate::platform::RuleSet;
use crate::storage::{Location, StorageError};

pub use messages::user_message;

/// What can go wrong between a question and its answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The lake's store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The lake's tables cannot be told.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The published runs are not readable.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A table's files cannot be read as Parquet of one schema.
    #[error("`{table}`: {}", user_message(.source).message)]
    Table {
        /// `schema.table`.
        table: String,
        /// What DataFusion says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A query failed.
    #[error("{}", user_message(.0).message)]
    Query(#[source] Box<DataFusionError>),
    /// A table that a run needs is not in the lake.
    #[error("the lake has no table `{table}`: looked for `{looked_for}`; there {there}")]
    MissingTable {
        /// `schema.table`.
        table: String,
        /// Where its files would lie.
        looked_for: String,
        /// What is there instead.
        there: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// A column that a run needs is not in its table.
    #[error("`{table}` has no column `{column}`; it has {there}")]
    MissingColumn {
        /// `schema.table`.
        table: String,
        /// The column.
        column: String,
        /// What is there instead.
        there: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// A column's type cannot be read as the one it must have.
    #[error("`{table}.{column}` is {found}, which cannot be read as {expected}")]
    WrongType {
        /// `schema.table`.
        table: String,
        /// The column.
        column: String,
        /// Its type in the files.
        found: String,
        /// The type it must have.
        expected: String,
    },
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        Self::Query(Box::new(error))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let near =
            |name: &Option<String>| name.as_ref().map(|name| format!("did you mean `{name}`?"));
        match error {
            EngineError::Storage(error) => error.into(),
            EngineError::Lake(error) => error.into(),
            EngineError::Runs(error) => error.into(),
            EngineError::Query(source) => user_message(&source),
            EngineError::Table { table, source } => {
                let failure = user_message(&source);
                Self {
                    message: format!("`{table}`: {}", failure.message),
                    ..failure
                }
            }
            EngineError::MissingTable { ref nearest, .. }
            | EngineError::MissingColumn { ref nearest, .. } => {
                let hint = near(nearest);
                Self {
                    exit: Exit::Usage,
                    message: error.to_string(),
                    hint,
                }
            }
            EngineError::WrongType { .. } => Self::usage(error.to_string()),
        }
    }
}

/// Limits of a session, and what its functions need.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Threads that a query uses at most.
    pub threads: usize,
    /// Memory that queries may reserve; what can, spills to disk beyond it.
    pub memory_bytes: usize,
    /// Rows of a record batch.
    pub batch_size: usize,
    /// Zoned times are converted to this zone, for example `Europe/Kyiv`.
    pub time_zone: String,
    /// What `platform(…)` and its like go by.
    pub rules: Arc<RuleSet>,
}

/// A session over one lake; see the module's documentation.
#[derive(Clone)]
pub struct Engine {
    context: SessionContext,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// A session with our functions and no tables.
    ///
    /// # Errors
    /// [`EngineError::Query`] when the session's limits cannot be set up.
    pub fn empty(options: &EngineOptions) -> Result<Self, EngineError> {
        let context = session(options)?;
        udf::register_all(&mut *context.state_ref().write(), &options.rules)?;
        pass::register(&context);
        Ok(Self { context })
    }

    /// Opens the lake's tables as `raw.*` and `stg.*`; nothing is registered as `prod.*` yet.
    ///
    /// # Errors
    /// [`EngineError::Table`] for files that are no Parquet, or the store's failure.
    pub async fn open(lake: &Location, options: &EngineOptions) -> Result<Self, EngineError> {
        let engine = Self::empty(options)?;
        for schema in ["raw", "stg"] {
            engine.create_schema(schema)?;
            for table in lake::tables(lake, schema).await? {
                engine.register_table(lake, &table).await?;
            }
        }
        Ok(engine)
    }

    /// Registers the current run of `out` as `prod.*`; `None` where nothing was published.
    ///
    /// # Errors
    /// [`EngineError::Runs`] when the output location is damaged.
    pub async fn use_current_run(
        &self,
        out: &Location,
    ) -> Result<Option<RunManifest>, EngineError> {
        let Some(manifest) = runs::current(out).await? else {
            return Ok(None);
        };
        for dataset in &manifest.datasets {
            self.register_dataset(out, &manifest.run, dataset).await?;
        }
        Ok(Some(manifest))
    }

    /// The session: plans, runs and explains SQL.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Registers one dataset of a run as `prod.<name>`, its order known to the planner.
    ///
    /// # Errors
    /// [`EngineError::Table`] when its files cannot be read.
    pub async fn register_dataset(
        &self,
        out: &Location,
        run: &str,
        dataset: &PublishedDataset,
    ) -> Result<(), EngineError> {
        let folder = RunManifest::folder(run);
        let files: Vec<String> = dataset
            .files
            .iter()
            .map(|file| format!("{folder}/{file}"))
            .collect();
        let order = vec![
            dataset
                .order
                .iter()
                .map(|name| col(name).sort(true, false))
                .collect(),
        ];
        let options = parquet_options().with_file_sort_order(order);
        let name = ("prod", dataset.name.as_str());
        let provider = scan::table(&self.context, out, &files, options)
            .await
            .map_err(|source| unreadable(name, source))?;
        self.register(name, Arc::new(provider))
    }

    /// Registers a table of the lake: its files, or where increments were added the latest row
    /// of each key.
    async fn register_table(&self, lake: &Location, table: &TableFiles) -> Result<(), EngineError> {
        let name = (table.schema.as_str(), table.table.as_str());
        let failure = |source| unreadable(name, source);
        let provider: Arc<dyn TableProvider> = if table.increments.is_empty() {
            let files = scan::table(&self.context, lake, &table.files, parquet_options());
            Arc::new(files.await.map_err(failure)?)
        } else {
            let versions = Versions::open(&self.context, lake, table);
            let versions = versions.await.map_err(failure)?;
            versions.latest_rows().map_err(failure)?.into_view()
        };
        self.register(name, provider)
    }

    fn register(
        &self,
        (schema, table): (&str, &str),
        provider: Arc<dyn TableProvider>,
    ) -> Result<(), EngineError> {
        self.context
            .register_table(TableReference::partial(schema, table), provider)
            .map_err(|source| unreadable((schema, table), source))?;
        Ok(())
    }

    fn create_schema(&self, name: &str) -> Result<(), EngineError> {
        let catalog = &self
            .context
            .copied_config()
            .options()
            .catalog
            .default_catalog
            .clone();
        if let Some(catalog) = self.context.catalog(catalog) {
            catalog.register_schema(name, Arc::new(MemorySchemaProvider::new()))?;
        }
        Ok(())
    }

    /// The tables of one schema, sorted.
    pub fn table_names(&self, schema: &str) -> Vec<String> {
        let catalog = self
            .context
            .copied_config()
            .options()
            .catalog
            .default_catalog
            .clone();
        let found = self
            .context
            .catalog(&catalog)
            .and_then(|catalog| catalog.schema(schema));
        let mut names = found.map_or_else(Vec::new, |schema: Arc<dyn SchemaProvider>| {
            schema.table_names()
        });
        names.sort();
        names
    }

    /// The columns of one table.
    ///
    /// # Errors
    /// [`EngineError::Query`] when there is no such table.
    pub async fn table_schema(&self, schema: &str, table: &str) -> Result<SchemaRef, EngineError> {
        let provider = self
            .context
            .table_provider(TableReference::partial(schema, table))
            .await?;
        Ok(provider.schema())
    }
}

fn unreadable((schema, table): (&str, &str), source: DataFusionError) -> EngineError {
    EngineError::Table {
        table: format!("{schema}.{table}"),
        source: Box::new(source),
    }
}

fn session(options: &EngineOptions) -> Result<SessionContext, EngineError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(options.threads)
        .with_batch_size(options.batch_size)
        .with_information_schema(true)
        .with_default_catalog_and_schema("touchpath", "prod");
    let settings = config.options_mut();
    // Views keep whole buffers alive once rows are gathered after a join or a sort: three
    // times the processor time and memory on wide touches (benches/README.md).
    settings.execution.parquet.schema_force_view_types = false;
    // Dealing both sides of a join out by key moves every wide row once more than building
    // one table of the smaller side: a fifth of a run's processor time and a quarter of its
    // memory (benches/README.md).
    settings.optimizer.repartition_joins = false;
    settings.sql_parser.map_string_types_to_utf8view = false;
    settings.execution.time_zone = Some(options.time_zone.clone());
    Ok(SessionContext::new_with_config_rt(
        config,
        scan::runtime(options.memory_bytes)?,
    ))
}
