//! DataFusion's errors in the words of the person who wrote the SQL.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::error::{Exit, Failure, nearest};

/// What happened, whose fault it is, and what to do.
///
/// SQL, names and types are the user's (exit 2), stores and disks are not (exit 3). The
/// message carries neither DataFusion's class prefixes nor its backtrace.
pub fn user_message(error: &DataFusionError) -> Failure {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            user_message(inner)
        }
        DataFusionError::Shared(inner) => user_message(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => user_message(first),
            None => Failure::usage("the query failed"),
        },
        DataFusionError::SchemaError(schema, _) => schema_message(schema),
        DataFusionError::SQL(parser, _) => Failure::usage(format!(
            "the SQL does not parse: {}",
            plain(&parser.to_string())
        )),
        DataFusionError::Plan(text) => Failure::usage(lower_first(plain(text))),
        DataFusionError::ResourcesExhausted(text) => Failure {
            exit: Exit::Store,
            message: format!(
                "the query needs more memory than it may use: {}",
                first_line(text)
            ),
            hint: Some("raise the limit with `--memory`, for example `--memory 4GB`".to_owned()),
        },
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_) => Failure {
            exit: Exit::Store,
            message: lower_first(&deepest(error)),
            hint: None,
        },
        DataFusionError::ArrowError(arrow, _) => {
            Failure::usage(lower_first(plain(&arrow.to_string())))
        }
        DataFusionError::External(inner) => Failure::usage(inner.to_string()),
        other => Failure::usage(lower_first(plain(other.message().as_ref()))),
    }
}

fn schema_message(error: &SchemaError) -> Failure {
    let SchemaError::FieldNotFound {
        field,
        valid_fields,
    } = error
    else {
        return Failure::usage(lower_first(plain(&error.to_string())));
    };
    let names: Vec<&str> = valid_fields
        .iter()
        .map(|valid| valid.name.as_str())
        .collect();
    let failure = Failure::usage(format!("there is no column `{}`", field.flat_name()));
    match nearest(&field.name, names.iter().copied()) {
        Some(name) => failure.with_hint(format!("did you mean `{name}`?")),
        None if names.is_empty() => failure,
        None => failure.with_hint(format!("there are {}", names.join(", "))),
    }
}

/// The innermost cause: the store's own words.
fn deepest(error: &DataFusionError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    plain(&cause.to_string()).to_owned()
}

/// The text without DataFusion's class prefixes and backtrace.
fn plain(text: &str) -> &str {
    const PREFIXES: [&str; 8] = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "Parquet error: ",
        "External error: ",
        "Optimizer rule ",
        "sql parser error: ",
        "This feature is not implemented: ",
    ];
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    match PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        Some(rest) => plain(rest),
        None => text,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        // `SQL …` and `UNION …` stay as they are.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn failure_of(sql: &str) -> Failure {
        let context = SessionContext::new();
        let planned = context.sql(sql).await;
        let error = match planned {
            Err(error) => error,
            Ok(frame) => frame.collect().await.unwrap_err(),
        };
        user_message(&error)
    }

    #[tokio::test]
    async fn a_misspelt_column_is_answered_with_the_nearest() {
        let failure = failure_of("select platfrom from (select 1 as platform)").await;
        assert_eq!(failure.message, "there is no column `platfrom`");
        assert_eq!(failure.hint.as_deref(), Some("did you mean `platform`?"));
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[tokio::test]
    async fn a_missing_table_keeps_its_name_and_loses_the_class() {
        let failure = failure_of("select * from nowhere").await;
        assert_eq!(
            failure.message,
            "table 'datafusion.public.nowhere' not found"
        );
    }

    #[tokio::test]
    async fn sql_that_does_not_parse_says_where() {
        let failure = failure_of("selec 1").await;
        assert!(
            failure.message.starts_with("the SQL does not parse: "),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("Line: 1"), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_division_by_zero_is_the_querys_fault() {
        let failure = failure_of("select 1 / 0").await;
        assert_eq!(
            (failure.message.as_str(), failure.exit),
            ("divide by zero error", Exit::Usage)
        );
    }
}
