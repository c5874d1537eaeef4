//! `touchpath report`: the report of the current run.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;

use crate::engine::Engine;
use crate::error::{Exit, Failure};
use crate::report;

use super::{Context, session, summary};

/// Show the report of the current run
#[derive(Debug, clap::Args, Serialize)]
#[command(after_help = "Examples:
  touchpath report --out data/demo
  touchpath report --out data/demo --format html -o report.html")]
pub(super) struct ReportArgs {
    /// Where runs are published
    #[arg(long, value_name = "LOCATION")]
    out: Option<String>,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    #[serde(skip)]
    format: ReportFormat,
    /// The file to write instead of stdout
    #[arg(short, long, value_name = "FILE")]
    #[serde(skip)]
    output: Option<PathBuf>,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For a terminal
    Table,
    /// Markdown
    Md,
    /// One HTML file with charts, no network needed
    Html,
    /// Every figure as JSON
    Json,
}

pub(super) async fn run(arguments: &ReportArgs, context: &Context) -> Result<(), Failure> {
    let out = context.out()?.ok_or_else(|| {
        Failure::usage("no place of runs is named").with_hint("give `--out LOCATION`")
    })?;
    let engine = Engine::empty(&session::options(&context.config)?)?;
    let Some(manifest) = engine.use_current_run(&out).await? else {
        return Err(
            Failure::usage(format!("nothing was published in `{out}` yet")).with_hint(format!(
                "publish with `touchpath run --lake LOCATION --out {out}`"
            )),
        );
    };
    let about = summary::about(&manifest, &context.config.currency);
    let report = report::read(engine.context(), about).await?;
    let text = match arguments.format {
        ReportFormat::Table => {
            let to_terminal = arguments.output.is_none();
            let color = to_terminal && context.printer.color();
            report.to_terminal(context.printer.width(), color)
        }
        ReportFormat::Md => report.to_markdown(),
        ReportFormat::Html => report.to_html()?,
        ReportFormat::Json => report.to_json()?,
    };
    match &arguments.output {
        None => context.printer.text(&text),
        Some(file) => std::fs::write(file, text).map_err(|error| Failure {
            exit: Exit::Store,
            message: format!("cannot write `{}`: {error}", file.display()),
            hint: None,
        }),
    }
}
