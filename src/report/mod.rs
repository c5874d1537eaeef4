//! The report of one published run: terminal, Markdown, JSON and one HTML file.
//!
//! In: a session in which the run's result datasets are registered as `prod.<dataset>`, and
//! what is known of the run itself. Out: a [`Report`], plain data, and its four renderings.
//! Nothing here computes attribution; figures are read, folded to what fits a page, and
//! compared. The same datasets give the same bytes: there is no clock and no random order.
//!
//! ```text
//! prod.* -read-> Report -+-> to_json      the data itself
//!                        +-> sections -> to_terminal, to_markdown
//!                        +-> html/ + templates/ -> to_html
//! ```

mod cohorts;
mod data;
mod findings;
mod funnel;
mod html;
mod json;
mod markdown;
mod models;
mod number;
mod read;
mod rows;
mod sections;
mod tables;
mod terminal;
mod words;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::error::{Exit, Failure};

pub use data::{
    Bar, Check, Cohort, Cohorts, ContractRow, Credit, Funnel, ModelRow, Models, MultiplierRow,
    PathRow, Paths, Period, Platform, PlatformRow, Report, RunSummary, Step, Summary, Verdict,
};
pub use number::Decimal;
pub use read::read;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A dataset is missing or could not be read.
    #[error("cannot read the result dataset `{dataset}`")]
    Query {
        /// The dataset asked for.
        dataset: &'static str,
        /// What the engine says.
        source: Box<DataFusionError>,
    },
    /// A column is missing, or of a type that does not hold its figure.
    #[error("cannot read `{column}` of the result dataset `{dataset}`")]
    Column {
        /// The dataset.
        dataset: &'static str,
        /// The column.
        column: &'static str,
        /// What the conversion says.
        source: ArrowError,
    },
    /// A null where the dataset promises none.
    #[error("`{column}` of the result dataset `{dataset}` is null")]
    Null {
        /// The dataset.
        dataset: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A dataset that always has one row has another number.
    #[error("the result dataset `{dataset}` has {rows} rows, not one")]
    NotOneRow {
        /// The dataset.
        dataset: &'static str,
        /// The rows found.
        rows: usize,
    },
    /// The report could not be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The report could not be written as HTML.
    #[error("cannot write the report as HTML")]
    Html(#[from] minijinja::Error),
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let failure = Self::new(Exit::Store, &error);
        match error {
            ReportError::Json(_) | ReportError::Html(_) => failure,
            _ => failure.with_hint("compute the datasets again with `touchpath run`"),
        }
    }
}

impl Report {
    /// Tables for a terminal `width` columns wide; `color` allows bold and colours.
    pub fn to_terminal(&self, width: u16, color: bool) -> String {
        terminal::render(self, width, color, usize::MAX)
    }

    /// The head of [`Self::to_terminal`]: key figures, platforms and both contract tables.
    pub fn to_summary(&self, width: u16, color: bool) -> String {
        terminal::render(self, width, color, 2)
    }

    /// Markdown with the same tables.
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    /// The report's data as JSON, indented, fields in the order shown.
    ///
    /// # Errors
    /// [`ReportError::Json`] when a value cannot be serialised.
    pub fn to_json(&self) -> Result<String, ReportError> {
        json::render(self)
    }

    /// One self-contained HTML file with charts: no script, no network.
    ///
    /// # Errors
    /// [`ReportError::Html`] when a template and the data do not fit together.
    pub fn to_html(&self) -> Result<String, ReportError> {
        html::render(self)
    }
}
