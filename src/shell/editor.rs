//! The line editor: prompt, multi-line statements, completion, history.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, FileBackedHistory, KeyCode, KeyModifiers,
    MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Span, Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};

use super::commands::COMMANDS;
use super::statements::split;

/// Entries that the history keeps.
const HISTORY_LENGTH: usize = 10_000;

/// The words of SQL that completion offers.
const KEYWORDS: &[&str] = &[
    "and",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "count",
    "describe",
    "desc",
    "distinct",
    "else",
    "end",
    "explain",
    "from",
    "group",
    "having",
    "inner",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "over",
    "partition",
    "select",
    "show",
    "sum",
    "tables",
    "then",
    "union",
    "using",
    "when",
    "where",
    "with",
];

/// An editor that completes the given table names and keeps its history in a folder.
///
/// # Errors
/// The history cannot be created or read.
pub(super) fn create(
    tables: Vec<String>,
    history: Option<&Path>,
    color: bool,
) -> io::Result<Reedline> {
    let mut keys = default_emacs_keybindings();
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu("completion".to_owned()),
            ReedlineEvent::MenuNext,
        ]),
    );
    let menu = Box::new(ColumnarMenu::default().with_name("completion"));
    let editor = Reedline::create()
        .with_validator(Box::new(WholeStatements))
        .with_completer(Box::new(Words::new(tables)))
        .with_menu(ReedlineMenu::EngineCompleter(menu))
        .with_quick_completions(true)
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_ansi_colors(color);
    match history {
        Some(folder) => Ok(editor.with_history(Box::new(open_history(folder)?))),
        None => Ok(editor),
    }
}

/// The history file, readable by its owner only: statements may name clients.
fn open_history(folder: &Path) -> io::Result<FileBackedHistory> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("history");
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    FileBackedHistory::with_file(HISTORY_LENGTH, path).map_err(io::Error::other)
}

/// Whether a text is ready to be run: a dot command, or statements that all end with `;`.
pub(super) fn is_whole(text: &str) -> bool {
    text.trim_start().starts_with('.') || split(text).unended.is_none()
}

/// Enter runs whole statements and begins a new line in others.
struct WholeStatements;

impl Validator for WholeStatements {
    fn validate(&self, text: &str) -> ValidationResult {
        if is_whole(text) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// Completes keywords, table names and dot commands, whatever the case of what is typed.
struct Words {
    words: Vec<String>,
}

impl Words {
    fn new(tables: Vec<String>) -> Self {
        let mut words = tables;
        words.extend(KEYWORDS.iter().map(|word| (*word).to_owned()));
        words.extend(COMMANDS.iter().map(|command| command.name.to_owned()));
        Self { words }
    }

    fn matching(&self, line: &str, position: usize) -> (Span, Vec<&str>) {
        let typed = line.get(..position).unwrap_or(line);
        let is_of_word = |character: char| character.is_alphanumeric() || "_.".contains(character);
        let begin = typed
            .rfind(|character| !is_of_word(character))
            .map_or(0, |at| {
                at + typed[at..].chars().next().map_or(0, char::len_utf8)
            });
        let prefix = typed[begin..].to_lowercase();
        let found = self.words.iter().map(String::as_str).filter(|word| {
            // `crm` finds `stg.crm_events`: the schema need not be typed.
            !prefix.is_empty()
                && (word.to_lowercase().starts_with(&prefix)
                    || word
                        .split_once('.')
                        .is_some_and(|(_, name)| name.starts_with(&prefix)))
        });
        (Span::new(begin, typed.len()), found.collect())
    }
}

impl Completer for Words {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let (span, words) = self.matching(line, position);
        let suggestions: Vec<Suggestion> = words
            .into_iter()
            .map(|word| Suggestion {
                value: word.to_owned(),
                span,
                append_whitespace: true,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// `touchpath> `, and `        -> ` on the following lines of a statement.
pub(super) struct ShellPrompt;

impl Prompt for ShellPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("touchpath")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("        -> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_runs_whole_statements_and_dot_commands_only() {
        for text in [
            "select 1;",
            ".help",
            "  .tables",
            "",
            "-- note",
            "select 1; select 2;",
        ] {
            assert!(is_whole(text), "{text}");
        }
        for text in ["select 1", "select ';", "select 1; select 2"] {
            assert!(!is_whole(text), "{text}");
        }
    }

    #[test]
    fn a_table_is_completed_with_or_without_its_schema() {
        let words = Words::new(vec!["stg.crm_events".to_owned()]);
        let line = "select * from crm";
        let (span, found) = words.matching(line, line.len());
        assert_eq!((span, found), (Span::new(14, 17), vec!["stg.crm_events"]));
        assert_eq!(words.matching("SEL", 3).1, ["select"]);
        assert_eq!(words.matching("where ціна.s", 12).1, Vec::<&str>::new());
        assert_eq!(words.matching(".sch", 4).1, [".schema"]);
    }

    #[test]
    fn the_history_is_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("history"), "select 1;\n").unwrap();
        drop(open_history(folder.path()).unwrap());
        let mode = std::fs::metadata(folder.path().join("history"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
