//! One dataset: a SQL file whose header declares what SQL cannot.
//!
//! In: a file's text and its place, `<folder>/<name>.sql`. Out: name, grain, order, typed
//! columns, the tables it reads. The header is the comment at the top: prose, then
//!
//! ```text
//! -- grain:  day, platform            the columns that name a row
//! -- order:  platform, day            how rows are sorted; the grain when not given
//! -- view:   yes                      computed where it is read, not published; `kept`: once
//! -- audit:  credit_reconciles        an audit that must hold for it
//! -- column: day  date not null  what it means
//! ```
//!
//! The tables a file reads are parsed from its SQL, names in table functions included.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, TableFactor, Value, Visit, Visitor,
};

use crate::engine::user_message;
use crate::error::Failure;

/// The folders of queries; a folder reads only itself and the folders before it.
pub const FOLDERS: [&str; 5] = ["staging", "facts", "attribution", "results", "audits"];

/// What can be wrong with a query file.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file lies in no folder that we read.
    #[error("`{file}`: query files lie in one of the folders {}", FOLDERS.join(", "))]
    Folder {
        /// Which file.
        file: String,
    },
    /// A header line is not understood.
    #[error("`{file}`, line {line}: {reason}")]
    Header {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The file does not hold one SQL query.
    #[error("`{file}`: {reason}")]
    Sql {
        /// Which file.
        file: String,
        /// What the parser says.
        reason: String,
    },
    /// A file reads a table of a folder that comes later.
    #[error("`{file}` reads `{table}`, which is computed later")]
    ReadsLater {
        /// Which file.
        file: String,
        /// What it reads.
        table: String,
    },
    /// A header names an audit that there is not.
    #[error("`{file}` declares the audit `{audit}`, but there is no `audits/{audit}.sql`")]
    NoAudit {
        /// Which file.
        file: String,
        /// The audit.
        audit: String,
    },
    /// Files read one another in a circle.
    #[error("these query files read one another in a circle: {}", files.join(", "))]
    Circle {
        /// The files.
        files: Vec<String>,
    },
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        Self::usage(error.to_string())
    }
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredColumn {
    /// Its name, type and nullability.
    pub field: Field,
    /// Its type as the header writes it.
    pub type_text: String,
    /// What it means.
    pub meaning: String,
}

/// A query file, parsed.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// `staging`, `facts`, …
    pub folder: String,
    /// The file's name without `.sql`; the table's name.
    pub name: String,
    /// The prose of its header.
    pub description: String,
    /// The columns that name a row.
    pub grain: Vec<String>,
    /// The columns its rows are sorted by.
    pub order: Vec<String>,
    /// Not published: computed where it is read.
    pub is_view: bool,
    /// A view of few rows that is computed once and held in memory.
    pub is_kept: bool,
    /// The audits that must hold for it.
    pub audits: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<DeclaredColumn>,
    /// The tables its SQL reads, `schema.table` or `table`.
    pub reads: BTreeSet<String>,
    /// Its parsed query.
    pub statement: ast::Statement,
}

impl Dataset {
    /// Parses one file.
    ///
    /// # Errors
    /// [`DatasetError`], naming file and line.
    pub fn parse(path: &str, text: &str) -> Result<Self, DatasetError> {
        let file = || path.to_owned();
        let place = path.split_once('/').and_then(|(folder, name)| {
            let known = FOLDERS.contains(&folder);
            known.then_some((folder, name.strip_suffix(".sql")?))
        });
        let Some((folder, name)) = place else {
            return Err(DatasetError::Folder { file: file() });
        };
        let header = Header::parse(path, text)?;
        let sql = |reason: String| DatasetError::Sql {
            file: file(),
            reason,
        };
        let mut statements =
            DFParser::parse_sql(text).map_err(|error| sql(user_message(&error).message))?;
        let statement = match (statements.pop_front(), statements.len()) {
            (Some(Statement::Statement(statement)), 0) => *statement,
            _ => return Err(sql("it must hold one query".to_owned())),
        };
        let reads = tables_read(&statement).map_err(sql)?;
        let order = if header.order.is_empty() {
            header.grain.clone()
        } else {
            header.order
        };
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            description: header.description,
            grain: header.grain,
            order,
            is_view: header.is_view,
            is_kept: header.is_kept,
            audits: header.audits,
            columns: header.columns,
            reads,
            statement,
        })
    }

    /// Whether the file is an audit: its rows are what is wrong.
    pub fn is_audit(&self) -> bool {
        self.folder == "audits"
    }

    /// `<folder>/<name>.sql`.
    pub fn file(&self) -> String {
        format!("{}/{}.sql", self.folder, self.name)
    }

    pub(super) fn folder_rank(&self) -> usize {
        FOLDERS
            .iter()
            .position(|folder| *folder == self.folder)
            .unwrap_or(FOLDERS.len())
    }
}

#[derive(Default)]
struct Header {
    description: String,
    grain: Vec<String>,
    order: Vec<String>,
    is_view: bool,
    is_kept: bool,
    audits: Vec<String>,
    columns: Vec<DeclaredColumn>,
}

impl Header {
    fn parse(path: &str, text: &str) -> Result<Self, DatasetError> {
        let mut header = Self::default();
        let comment = text.lines().map_while(|line| line.strip_prefix("--"));
        for (index, line) in comment.enumerate() {
            let wrong = |reason: String| DatasetError::Header {
                file: path.to_owned(),
                line: index + 1,
                reason,
            };
            let line = line.trim();
            match line.split_once(':').map(|(key, value)| (key, value.trim())) {
                Some(("grain", value)) => header.grain = names(value),
                Some(("order", value)) => header.order = names(value),
                Some(("view", "yes")) => header.is_view = true,
                Some(("view", "kept")) => (header.is_view, header.is_kept) = (true, true),
                Some(("view", other)) => {
                    return Err(wrong(format!("`view: {other}`, not `yes` or `kept`")));
                }
                Some(("audit", value)) => header.audits.extend(names(value)),
                Some(("column", value)) => header.columns.push(column(value).map_err(wrong)?),
                _ if line.is_empty() && header.description.is_empty() => {}
                _ if header.columns.is_empty() && header.grain.is_empty() => {
                    header.description.push_str(line);
                    header.description.push('\n');
                }
                _ if line.is_empty() => {}
                _ => return Err(wrong(format!("`{line}` is no key of a query header"))),
            }
        }
        header
            .description
            .truncate(header.description.trim_end().len());
        Ok(header)
    }
}

fn names(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `name  type [not null]  meaning`.
fn column(text: &str) -> Result<DeclaredColumn, String> {
    let (name, rest) = text
        .split_once(char::is_whitespace)
        .ok_or("a column needs a name and a type")?;
    // The type is one word, `decimal(18,2)` without spaces.
    let rest = rest.trim_start();
    let (type_text, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let rest = rest.trim_start();
    let (nullable, meaning) = match rest.strip_prefix("not null") {
        Some(meaning) => (false, meaning.trim()),
        None => (true, rest),
    };
    let data_type = data_type(type_text)
        .ok_or_else(|| format!("`{type_text}` of column `{name}` is no type that a dataset has"))?;
    Ok(DeclaredColumn {
        field: Field::new(name, data_type, nullable),
        type_text: type_text.to_owned(),
        meaning: meaning.to_owned(),
    })
}

fn data_type(text: &str) -> Option<DataType> {
    Some(match text {
        "bigint" => DataType::Int64,
        "integer" => DataType::Int32,
        "boolean" => DataType::Boolean,
        "double" => DataType::Float64,
        "text" => DataType::Utf8,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "list<text>" => DataType::new_list(DataType::Utf8, true),
        _ => {
            let inner = text.strip_prefix("decimal(")?.strip_suffix(')')?;
            let (precision, scale) = inner.split_once(',')?;
            DataType::Decimal128(precision.parse().ok()?, scale.parse().ok()?)
        }
    })
}

/// The tables that a query reads: relations, and the first argument of table functions.
fn tables_read(statement: &ast::Statement) -> Result<BTreeSet<String>, String> {
    let mut functions = TableFunctions::default();
    // The visitor never breaks.
    let _: ControlFlow<()> = statement.visit(&mut functions);
    let wrapped = Statement::Statement(Box::new(statement.clone()));
    let (relations, _) =
        resolve_table_references(&wrapped, true).map_err(|error| error.to_string())?;
    let relations = relations.iter().map(ToString::to_string);
    Ok(relations
        .filter(|name| !functions.names.contains(name))
        .chain(functions.tables.iter().cloned())
        .collect())
}

#[derive(Default)]
struct TableFunctions {
    names: BTreeSet<String>,
    tables: BTreeSet<String>,
}

impl Visitor for TableFunctions {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table {
            name,
            args: Some(arguments),
            ..
        } = factor
        {
            self.names.insert(name.to_string());
            if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Value(value)))) =
                arguments.args.first()
                && let Value::SingleQuotedString(table) = &value.value
            {
                self.tables.insert(table.clone());
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-- What it is.\n--\n-- grain:  day, platform\n-- column: day  date not null  its day\n-- column: platform  text  \n-- column: revenue  decimal(18,2)  UAH\nwith a as (select * from stg.events)\nselect * from a join pass('touches', 1) on true";

    #[test]
    fn a_header_declares_and_the_sql_tells_what_it_reads() {
        let dataset = Dataset::parse("results/daily.sql", TEXT).unwrap();
        assert_eq!(
            (dataset.name.as_str(), dataset.folder.as_str()),
            ("daily", "results")
        );
        assert_eq!(dataset.description, "What it is.");
        assert_eq!(dataset.grain, ["day", "platform"]);
        assert_eq!(dataset.order, dataset.grain);
        assert_eq!(
            dataset.columns[0].field,
            Field::new("day", DataType::Date32, false)
        );
        assert_eq!(
            dataset.columns[2].field.data_type(),
            &DataType::Decimal128(18, 2)
        );
        assert_eq!(Vec::from_iter(dataset.reads), ["stg.events", "touches"]);
    }

    #[test]
    fn what_is_wrong_with_a_header_is_said_with_its_line() {
        let error = Dataset::parse(
            "results/x.sql",
            "-- grain: a\n-- column: a  money  x\nselect 1",
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "`results/x.sql`, line 2: `money` of column `a` is no type that a dataset has"
        );
        let error = Dataset::parse("results/x.sql", "-- grain: a\n-- colum: a\nselect 1");
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("line 2: `colum: a` is no key")
        );
    }

    #[test]
    fn a_file_elsewhere_and_two_statements_are_refused() {
        assert!(matches!(
            Dataset::parse("more/x.sql", "select 1"),
            Err(DatasetError::Folder { .. })
        ));
        let error = Dataset::parse("results/x.sql", "select 1; select 2").unwrap_err();
        assert_eq!(error.to_string(), "`results/x.sql`: it must hold one query");
    }
}
