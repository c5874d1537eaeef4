//! Keeps the arrows between the modules pointing one way, see `docs/architecture.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules it may name after `crate::` (`touchpath::` in the binary). Every module
/// may name itself and `error`; `error` names nothing.
const ALLOWED: &[(&str, &[&str])] = &[
    ("main", &["cli", "config", "printer"]),
    (
        "cli",
        &[
            "config",
            "printer",
            "demo",
            "export",
            "lake",
            "pipeline",
            "attribution",
            "platform",
            "engine",
            "report",
            "shell",
            "output",
            "schema",
            "storage",
        ],
    ),
    ("config", &[]),
    ("printer", &[]),
    ("schema", &[]),
    ("storage", &[]),
    ("attribution", &[]),
    ("platform", &[]),
    ("output", &["printer"]),
    ("demo", &["storage", "schema"]),
    ("lake", &["storage", "schema"]),
    ("export", &["lake", "storage", "schema"]),
    (
        "engine",
        &["lake", "attribution", "platform", "schema", "storage"],
    ),
    (
        "pipeline",
        &["engine", "lake", "output", "schema", "storage"],
    ),
    ("report", &["engine", "output"]),
    ("shell", &["engine", "output", "printer"]),
    ("error", &[]),
];

/// The arrows of one source text of `module` that point the wrong way.
fn violations(module: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "`{module}` is not in the table of tests/architecture.rs"
        )];
    };
    let root = if module == "main" {
        "touchpath::"
    } else {
        "crate::"
    };
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines()
        .filter(is_code)
        .flat_map(|line| {
            line.match_indices(root)
                .map(move |(at, _)| &line[at + root.len()..])
        })
        .filter_map(|path| {
            let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            match &path[..end.unwrap_or(path.len())] {
                "" => Some(format!(
                    "`{module}` names several modules at once: `{root}{path}`"
                )),
                named if named == module || (named == "error" && module != "error") => None,
                named if allowed.contains(&named) => None,
                named => Some(format!("`{module}` may not name `{named}`")),
            }
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_arrow_of_the_sources_points_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap();
        let module = Path::new(inside.iter().next().unwrap())
            .file_stem()
            .unwrap();
        let module = module.to_str().unwrap();
        if module != "lib" {
            let found = violations(module, &fs::read_to_string(&path).unwrap());
            wrong.extend(
                found
                    .iter()
                    .map(|what| format!("src/{}: {what}", inside.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_that_points_back_is_caught() {
    for (module, text, what) in [
        (
            "lake",
            "use crate::engine::Engine;",
            "`lake` may not name `engine`",
        ),
        (
            "attribution",
            "fn f(x: crate::schema::Table) {}",
            "`attribution` may not name `schema`",
        ),
        (
            "platform",
            "    use crate::output;",
            "`platform` may not name `output`",
        ),
        (
            "error",
            "use crate::config::Config;",
            "`error` may not name `config`",
        ),
        (
            "main",
            "use touchpath::lake::runs;",
            "`main` may not name `lake`",
        ),
        (
            "lake",
            "use crate::{storage, engine};",
            "`lake` names several modules at once: `crate::{storage, engine};`",
        ),
        (
            "helpers",
            "",
            "`helpers` is not in the table of tests/architecture.rs",
        ),
    ] {
        assert_eq!(violations(module, text), [what]);
    }
}

#[test]
fn an_arrow_that_points_forward_is_not() {
    let text = "use crate::error::Failure;\nuse crate::storage::{Location, StoreOptions};\n\
                //! as crate::engine does\nuse crate::lake::runs;\n";
    assert_eq!(violations("lake", text), Vec::<String>::new());
}

/// Following the arrows of the table never leads back to where one began.
#[test]
fn the_table_itself_has_no_circle() {
    let mut open: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    loop {
        let before = open.len();
        let still = open.clone();
        open.retain(|name| {
            let (_, named) = ALLOWED.iter().find(|(module, _)| module == name).unwrap();
            named.iter().any(|other| still.contains(other))
        });
        if open.len() == before {
            break;
        }
    }
    assert!(open.is_empty(), "in a circle or behind one: {open:?}");
}
