//! Runs one statement and writes its result as it comes.
//!
//! In: a session, a statement that only reads, a format. Out: bytes on a writer and the
//! number of rows.

use std::io::Write;

use datafusion::error::DataFusionError;
use datafusion::execution::context::{SQLOptions, SessionContext};
use futures::TryStreamExt;

use crate::engine::user_message;
use crate::error::Failure;
use crate::output::{BatchWriter, Format, OutputError};

use super::statements::Statement;

/// What can go wrong with a statement.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement would write or change something.
    #[error("only statements that read are run, and `{0} …` is not one")]
    Writes(String),
    /// DataFusion refused or failed.
    #[error("{}", user_message(.0).message)]
    Failed(#[source] Box<DataFusionError>),
    /// The result could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl QueryError {
    fn of(statement: &Statement, error: DataFusionError) -> Self {
        // The texts of `SQLOptions::verify_plan`, which has no error of its own.
        const REFUSALS: [&str; 3] = [
            "DDL not supported: ",
            "DML not supported: ",
            "Statement not supported: ",
        ];
        match error.find_root() {
            DataFusionError::Plan(text) if REFUSALS.iter().any(|begin| text.starts_with(begin)) => {
                let words: Vec<&str> = statement.sql.split_whitespace().take(3).collect();
                Self::Writes(words.join(" "))
            }
            _ => Self::Failed(Box::new(error)),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Output(error) => error.into(),
            QueryError::Writes(_) => Self::usage(error.to_string())
                .with_hint("`select`, `explain`, `show` and `describe` read"),
            QueryError::Failed(source) => user_message(&source),
        }
    }
}

/// Runs a statement and writes its result; the number of rows comes back.
///
/// # Errors
/// [`QueryError`]; what was written before stays written.
pub async fn run(
    session: &SessionContext,
    statement: &Statement,
    format: Format,
    out: &mut (dyn Write + Send),
) -> Result<u64, QueryError> {
    let reads_only = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let failed = |error| QueryError::of(statement, error);
    let frame = session
        .sql_with_options(&statement.sql, reads_only)
        .await
        .map_err(failed)?;
    let mut batches = frame.execute_stream().await.map_err(failed)?;
    // A statement that fails at once leaves nothing on stdout, not even a header.
    let mut next = batches.try_next().await.map_err(failed)?;
    let mut writer = BatchWriter::try_new(batches.schema(), format, out)?;
    while let Some(batch) = next {
        writer.write(&batch)?;
        // A plan that is never out of rows would never let Ctrl-C be heard.
        tokio::task::yield_now().await;
        next = batches.try_next().await.map_err(failed)?;
    }
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use crate::error::Exit;

    use super::*;

    async fn outcome(sql: &str) -> Result<String, Failure> {
        let statement = Statement {
            sql: sql.to_owned(),
            line: 1,
        };
        let mut bytes = Vec::new();
        run(&SessionContext::new(), &statement, Format::Csv, &mut bytes).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[tokio::test]
    async fn a_result_is_written_as_it_comes() {
        let sql = "select * from (values (1, 'a'), (2, null)) as t(id, name) order by id";
        assert_eq!(outcome(sql).await.unwrap(), "id,name\n1,a\n2,\n");
    }

    #[tokio::test]
    async fn what_writes_or_changes_is_refused() {
        for sql in [
            "create table t as select 1",
            "drop table t",
            "copy (select 1) to '/tmp/touchpath_never.csv'",
            "explain copy (select 1) to '/tmp/touchpath_never.csv'",
            "create external table t stored as csv location '/tmp'",
            "set datafusion.execution.batch_size = 1",
        ] {
            let failure = outcome(sql).await.unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{sql}");
            assert!(
                failure.message.starts_with("only statements that read"),
                "{sql}: {failure}"
            );
        }
    }

    #[tokio::test]
    async fn a_value_that_cannot_be_computed_is_the_sqls_fault() {
        assert_eq!(outcome("select 1 / 0").await.unwrap_err().exit, Exit::Usage);
        assert_eq!(outcome("selec 1").await.unwrap_err().exit, Exit::Usage);
    }
}
