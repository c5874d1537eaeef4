//! Cuts SQL text into statements.
//!
//! In: text, as typed or from a file. Out: the statements that end with `;`, each with the
//! line on which it begins, and what is left after the last of them. DataFusion's own
//! tokenizer decides what is a `;` and what stands in a text or a comment.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its SQL, without the `;`.
    pub sql: String,
    /// The line of the text on which it begins, from 1.
    pub line: u64,
}

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// The statements that are ended.
    pub ended: Vec<Statement>,
    /// The statement that is not; blanks and comments are none.
    pub unended: Option<Statement>,
}

impl Split {
    /// Every statement, the last one ended or not, as a file means them.
    pub fn all(self) -> Vec<Statement> {
        self.ended.into_iter().chain(self.unended).collect()
    }
}

/// Cuts a text into statements.
pub fn split(text: &str) -> Split {
    let mut tokens = Vec::new();
    // An error means a text or comment without its end: it belongs to the unended statement.
    let is_torn = Tokenizer::new(&GenericDialect {}, text)
        .tokenize_with_location_into_buf(&mut tokens)
        .is_err();
    let mut places = Places::new(text);
    let mut split = Split::default();
    let mut begin = None;
    for TokenWithSpan { token, span } in &tokens {
        match token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => {
                let end = places.offset(span.start);
                if let Some((line, from)) = begin.take() {
                    split.ended.push(Statement {
                        sql: text[from..end].trim().to_owned(),
                        line,
                    });
                }
            }
            _ if begin.is_none() => {
                begin = Some((span.start.line, places.offset(span.start)));
            }
            _ => {}
        }
    }
    if begin.is_none() && is_torn {
        let from = tokens
            .last()
            .map_or(0, |token| places.offset(token.span.end));
        let blanks = text[from..].len() - text[from..].trim_start().len();
        begin = Some((line_of(text, from + blanks), from + blanks));
    }
    split.unended = begin
        .map(|(line, from)| Statement {
            sql: text[from..].trim().to_owned(),
            line,
        })
        .filter(|statement| !statement.sql.is_empty());
    split
}

fn line_of(text: &str, offset: usize) -> u64 {
    1 + text[..offset].matches('\n').count() as u64
}

/// Byte offsets of the tokenizer's lines and columns, asked for in rising order.
struct Places<'a> {
    text: &'a str,
    offset: usize,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            line: 1,
            column: 1,
        }
    }

    fn offset(&mut self, wanted: Location) -> usize {
        let mut rest = self.text[self.offset..].chars();
        while (self.line, self.column) < (wanted.line, wanted.column) {
            let Some(character) = rest.next() else { break };
            self.offset += character.len_utf8();
            if character == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str, line: u64) -> Statement {
        Statement {
            sql: sql.to_owned(),
            line,
        }
    }

    #[test]
    fn statements_are_cut_at_semicolons_and_know_their_line() {
        let found = split("-- head\nselect 1;\n\n  select\n 2 ; select 'Ї;' ;select 3");
        assert_eq!(
            found.ended,
            [
                statement("select 1", 2),
                statement("select\n 2", 4),
                statement("select 'Ї;'", 5)
            ]
        );
        assert_eq!(found.unended, Some(statement("select 3", 5)));
    }

    #[test]
    fn a_semicolon_within_a_text_a_name_or_a_comment_ends_nothing() {
        let text = "select ';', \";\" -- ;\n /* ; */ from t;";
        let sql = text.trim_end_matches(';');
        assert_eq!(
            split(text),
            Split {
                ended: vec![statement(sql, 1)],
                unended: None
            }
        );
    }

    #[test]
    fn blanks_comments_and_lone_semicolons_are_no_statements() {
        assert_eq!(split(" ;; -- nothing\n; /* here */ "), Split::default());
    }

    #[test]
    fn a_text_without_its_end_is_unended() {
        let found = split("select 1; select 'a;\nb");
        assert_eq!(found.ended, [statement("select 1", 1)]);
        assert_eq!(found.unended, Some(statement("select 'a;\nb", 1)));
        assert_eq!(split("select 1;\n 'a").unended, Some(statement("'a", 2)));
    }
}
