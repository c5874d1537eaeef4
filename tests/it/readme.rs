//! The commands of README.md, in its order, on a copy of the demo lake.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::lakes::copy_demo;

/// The program's command lines in fenced blocks of the language `sh`; those of blocks marked
/// `sh no-test` need what a test has not. What README builds first is built here already.
fn commands(readme: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut is_tested = false;
    for line in readme.lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_tested = language == "sh";
        } else if is_tested {
            let line = line.replacen("cargo run -- ", "touchpath ", 1);
            if line.starts_with("touchpath ") {
                commands.push(line);
            }
        }
    }
    commands
}

#[test]
fn a_block_that_is_not_for_tests_is_passed_over() {
    let readme = "```sh\ncargo run -- run\n.ci/run\n```\ntouchpath prose\n```sh no-test\n\
                  touchpath demo\n```\n```text\ntouchpath said\n```\n```sh\ntouchpath check\n```\n";
    assert_eq!(commands(readme), ["touchpath run", "touchpath check"]);
}

#[test]
fn the_commands_of_the_readme_work() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    copy_demo(folder.path(), "data/demo");
    let binaries = Path::new(env!("CARGO_BIN_EXE_touchpath")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), env!("PATH"));
    let commands = commands(&std::fs::read_to_string(home.join("README.md")).unwrap());
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("TOUCHPATH_THREADS", "2")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{said}");
    }
}
