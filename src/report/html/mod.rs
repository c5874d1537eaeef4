//! The report as one HTML file.
//!
//! In: the report. Out: a page that needs neither network nor script. The templates lie in
//! `templates/`; their names end in `.html`, so every value from the data is escaped.

mod colour;
mod flow;
mod sankey;
mod strips;
mod tables;
mod view;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};

use view::View;

use super::{Report, ReportError};

const PARTS: [(&str, &str); 4] = [
    ("report.html", include_str!("../templates/report.html")),
    ("style.css.html", include_str!("../templates/style.css")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("flow.html", include_str!("../templates/flow.html")),
];

/// The page.
pub(super) fn render(report: &Report) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    // A name that the view does not have is a mistake, not an empty cell.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    for (name, source) in PARTS {
        environment.add_template(name, source)?;
    }
    let view = Value::from(Serde(View::of(report)));
    Ok(environment.get_template("report.html")?.render(view)?)
}
