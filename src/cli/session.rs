//! Opens the SQL session of a command: the lake's tables and the current run's.

use std::sync::Arc;

use crate::config::{Config, Rules};
use crate::engine::{Engine, EngineOptions};
use crate::error::Failure;
use crate::platform::RuleSet;

use super::Context;

/// Rows of a record batch: `DataFusion`'s own choice.
const BATCH_SIZE: usize = 8192;

/// A session over the lake and, where something was published, over the current run.
///
/// # Errors
/// No lake, damaged files, or rules that are wrong.
pub(super) async fn open(context: &Context) -> Result<Engine, Failure> {
    let lake = context.lake()?;
    let out = context.out()?;
    let engine = Engine::open(&lake, &options(&context.config)?).await?;
    if let Some(out) = out {
        match engine.use_current_run(&out).await? {
            Some(run) => context
                .printer
                .detail(&format!("`prod` is the run `{}`", run.run)),
            None => context
                .printer
                .detail(&format!("no run is published in `{out}`")),
        }
    }
    Ok(engine)
}

/// The settings that a session needs.
///
/// # Errors
/// Rules that are wrong.
pub(super) fn options(config: &Config) -> Result<EngineOptions, Failure> {
    Ok(EngineOptions {
        threads: config.threads,
        memory_bytes: config.memory,
        batch_size: BATCH_SIZE,
        time_zone: config.time_zone.name().to_owned(),
        rules: Arc::new(rules(&config.rules)?),
    })
}

fn rules(rules: &Rules) -> Result<RuleSet, Failure> {
    match rules {
        Rules::Named(name) => Ok(RuleSet::builtin(name)?),
        Rules::File(path) => {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("cannot read the rules `{shown}`: {error}"))
            })?;
            Ok(RuleSet::parse(&text, &shown)?)
        }
    }
}
