//! `touchpath keep-snapshot`: the process that `export` starts beside itself.

use serde::Serialize;

use super::Context;
use crate::error::Failure;
use crate::export;

/// Keep the snapshot of an export that may be killed; `export` starts this
#[derive(Debug, clap::Args, Serialize)]
#[command(hide = true)]
pub(super) struct KeepSnapshotArgs {
    /// The database
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    from: Option<String>,
}

pub(super) async fn run(arguments: &KeepSnapshotArgs, context: &Context) -> Result<(), Failure> {
    let database = context.database(arguments.from.as_deref())?;
    export::keep(&database, |line| context.printer.text(line)).await
}
