//! The Python of the tests: `TOUCHPATH_PYTHON`, else `python3`.

use std::process::{Command, Output};

/// A command of the Python that can import every module of `needs`.
pub(crate) fn python(needs: &[&str]) -> Command {
    let python = std::env::var_os("TOUCHPATH_PYTHON").unwrap_or_else(|| "python3".into());
    for module in needs {
        let found = Command::new(&python)
            .args(["-c", &format!("import {module}")])
            .output();
        let found = found.is_ok_and(|output| output.status.success());
        assert!(
            found,
            "`{}` cannot import `{module}`; name a Python that can in TOUCHPATH_PYTHON",
            python.display()
        );
    }
    Command::new(python)
}

/// Runs a command that must succeed; returns its stdout.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Both streams of a command.
pub(crate) fn said(output: &Output) -> String {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{}\n{stdout}{stderr}", output.status)
}
