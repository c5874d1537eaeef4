//! Runs the real binary in a folder of its own, with no variables but those given.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;

/// A folder in which the binary is run.
pub(crate) struct Program {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Program {
    /// In an empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// With a variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a text file.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// With a Parquet file that holds one batch.
    pub(crate) fn parquet(self, name: &str, batch: &RecordBatch) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary's command line, to be changed or run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchpath"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("HOME", self.folder())
            .env("TOUCHPATH_THREADS", "2")
            .stdin(Stdio::null());
        command
    }

    /// Exit code and both streams, the folder's name, times and version taken out.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.shown(&self.command(arguments).output().unwrap())
    }

    /// The same, with a text on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> String {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        self.shown(&child.wait_with_output().unwrap())
    }

    fn shown(&self, output: &Output) -> String {
        let mut text = format!("exit: {}\n", output.status.code().unwrap());
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            writeln!(text, "---- {name}\n{}", String::from_utf8_lossy(bytes)).unwrap();
        }
        let folder = self.folder().canonicalize().unwrap();
        text.replace(folder.to_str().unwrap(), "FOLDER")
            .replace(self.folder().to_str().unwrap(), "FOLDER")
    }
}

/// Compares what a program said with its snapshot.
macro_rules! assert_said {
    ($said:expr) => {
        insta::with_settings!({
            filters => vec![
                (r"\d+\.\d s\b", "N.N s"),
                (concat!("touchpath ", env!("CARGO_PKG_VERSION")), "touchpath VERSION"),
            ],
            omit_expression => true,
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!($said) })
    };
}
pub(crate) use assert_said;
