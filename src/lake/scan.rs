//! Parquet files of a lake as tables of a `DataFusion` session.
//!
//! In: a session, a location, paths below it. Out: a table over exactly those files; only
//! footers are read until it is queried.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::storage::Location;

/// Consumers that a refused reservation names.
const CONSUMERS_NAMED: usize = 3;

/// Rows of a batch in upkeep: fewer than in queries, because whole rows are sorted, and a
/// sort must hold a batch twice.
const BATCH_ROWS: usize = 1024;

/// What a sort keeps back to merge what it has spilled.
const MERGE_BYTES: usize = 10 << 20;

/// What holds for every session's files: text is read as plain strings, not as views.
pub fn parquet_options() -> ListingOptions {
    // `.parquet` is checked where the lake is listed.
    ListingOptions::new(Arc::new(
        ParquetFormat::default().with_force_view_types(false),
    ))
    .with_file_extension("")
}

/// What queries may reserve; what can, spills to disk beyond it.
///
/// # Errors
/// The folder of temporary files cannot be used.
pub fn runtime(memory_bytes: usize) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let named = NonZeroUsize::MIN.saturating_add(CONSUMERS_NAMED - 1);
    let pool = TrackConsumersPool::new(FairSpillPool::new(memory_bytes), named);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .build_arc()
}

/// A session without tables or functions of ours, for the lake's own upkeep.
///
/// # Errors
/// The folder of temporary files cannot be used.
pub fn session(memory_bytes: usize, threads: usize) -> Result<SessionContext, DataFusionError> {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_batch_size(BATCH_ROWS);
    let settings = config.options_mut();
    settings.execution.parquet.schema_force_view_types = false;
    // One sort with all of the memory: a sort for each file's share of the threads would
    // leave each of them a fraction that grows smaller with every increment.
    settings.optimizer.repartition_sorts = false;
    settings.execution.sort_spill_reservation_bytes = MERGE_BYTES.min(memory_bytes / 4);
    Ok(SessionContext::new_with_config_rt(
        config,
        runtime(memory_bytes)?,
    ))
}

/// A table over these files.
///
/// # Errors
/// A file that is not there, is no Parquet, or whose columns contradict the others'.
pub async fn table(
    context: &SessionContext,
    location: &Location,
    files: &[String],
    options: ListingOptions,
) -> Result<ListingTable, DataFusionError> {
    serve_store(context, location);
    let mut urls = Vec::with_capacity(files.len());
    for file in files {
        urls.push(ListingTableUrl::parse(location.url_of(file).as_str())?);
    }
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .infer_schema(&context.state())
        .await?;
    let cache = context
        .runtime_env()
        .cache_manager
        .get_file_statistic_cache();
    Ok(ListingTable::try_new(config)?.with_cache(cache))
}

/// Lets the session read through the location's store.
pub fn serve_store(context: &SessionContext, location: &Location) {
    if !location.is_local() {
        context.register_object_store(location.url(), Arc::clone(location.store()));
    }
}
