//! The dot commands of the shell: one table from which help and completion come.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, StringArray};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;

/// What a dot command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Help,
    Tables,
    Schema,
    Quit,
}

/// One row of the table of dot commands.
#[derive(Debug)]
pub(super) struct DotCommand {
    pub(super) name: &'static str,
    argument: &'static str,
    help: &'static str,
    action: Action,
}

/// Every dot command, in the order of the help.
pub(super) const COMMANDS: &[DotCommand] = &[
    DotCommand {
        name: ".help",
        argument: "",
        help: "show this list",
        action: Action::Help,
    },
    DotCommand {
        name: ".tables",
        argument: "",
        help: "list the tables",
        action: Action::Tables,
    },
    DotCommand {
        name: ".schema",
        argument: "TABLE",
        help: "list the columns of a table",
        action: Action::Schema,
    },
    DotCommand {
        name: ".quit",
        argument: "",
        help: "leave the shell",
        action: Action::Quit,
    },
];

/// A dot command as typed: what to do and its argument, or why it cannot be done.
pub(super) fn parse(line: &str) -> Result<(Action, &str), String> {
    let line = line.trim().trim_end_matches(';');
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let argument = argument.trim();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names = COMMANDS.iter().map(|command| command.name);
        return Err(match crate::error::nearest(name, names) {
            Some(near) => format!("there is no command `{name}`; did you mean `{near}`?"),
            None => format!("there is no command `{name}`; `.help` lists them"),
        });
    };
    match (command.argument.is_empty(), argument.is_empty()) {
        (true, false) => Err(format!("`{name}` takes no argument")),
        (false, true) => Err(format!("`{name}` needs {}", command.argument)),
        _ => Ok((command.action, argument)),
    }
}

/// The help, one command per line.
pub(super) fn help() -> String {
    let mut lines: Vec<String> = COMMANDS
        .iter()
        .map(|command| {
            format!(
                "{:<16}{}",
                format!("{} {}", command.name, command.argument),
                command.help
            )
        })
        .collect();
    lines.push("SQL;            run a statement; it may span lines and ends with `;`".to_owned());
    lines.push("Ctrl-C          clear the line, or cancel the running statement".to_owned());
    lines.push("Ctrl-D          leave the shell".to_owned());
    lines.join("\n")
}

/// Every table as `schema.table`, sorted.
pub(super) fn tables(session: &SessionContext) -> Vec<String> {
    let mut names: Vec<String> = session
        .catalog_names()
        .iter()
        .filter_map(|name| session.catalog(name))
        .flat_map(|catalog| {
            let schemas = catalog.schema_names().into_iter();
            schemas
                .filter_map(|name| Some((catalog.schema(&name)?, name)))
                .flat_map(|(schema, name)| {
                    let tables = schema.table_names().into_iter();
                    tables
                        .map(|table| format!("{name}.{table}"))
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names
}

/// The columns of a table as rows: name, type, whether it may be null.
pub(super) async fn columns(
    session: &SessionContext,
    table: &str,
) -> Result<RecordBatch, DataFusionError> {
    let frame = session.table(table).await?;
    let fields = frame.schema().fields();
    let names: StringArray = fields
        .iter()
        .map(|field| Some(field.name().as_str()))
        .collect();
    let types: StringArray = fields
        .iter()
        .map(|field| Some(field.data_type().to_string()))
        .collect();
    let nullable: BooleanArray = fields
        .iter()
        .map(|field| Some(field.is_nullable()))
        .collect();
    Ok(RecordBatch::try_from_iter([
        ("column", Arc::new(names) as _),
        ("type", Arc::new(types) as _),
        ("nullable", Arc::new(nullable) as _),
    ])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_with_its_argument() {
        assert_eq!(
            parse(".schema  stg.crm_events ;"),
            Ok((Action::Schema, "stg.crm_events"))
        );
        assert_eq!(parse(".quit"), Ok((Action::Quit, "")));
    }

    #[test]
    fn a_command_that_is_not_or_lacks_its_argument_says_so() {
        for (line, said) in [
            (
                ".table",
                "there is no command `.table`; did you mean `.tables`?",
            ),
            (".x", "there is no command `.x`; `.help` lists them"),
            (".schema", "`.schema` needs TABLE"),
            (".quit now", "`.quit` takes no argument"),
        ] {
            assert_eq!(parse(line).unwrap_err(), said);
        }
    }

    #[test]
    fn help_names_every_command() {
        let help = help();
        assert!(
            COMMANDS.iter().all(|command| help.contains(command.name)),
            "{help}"
        );
    }
}
