//! The command line: exit code, stdout and stderr of every command, as snapshots.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};

use crate::program::{Program, assert_said};

/// A lake `lake` with one table of three rows.
fn with_lake() -> Program {
    let amounts = Decimal128Array::from(vec![Some(123_450), None, Some(5)]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "id_source",
            Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef,
            false,
        ),
        (
            "platform",
            Arc::new(StringArray::from(vec![
                Some("вайбер, \"x\""),
                None,
                Some(""),
            ])),
            true,
        ),
        (
            "amount",
            Arc::new(amounts.with_precision_and_scale(12, 2).unwrap()),
            true,
        ),
    ])
    .unwrap();
    Program::new().parquet("lake/stg/crm_events/part-0.parquet", &batch)
}

/// In the order in which their examples build on one another.
const COMMANDS: [&str; 11] = [
    "demo", "export", "compact", "check", "run", "report", "runs", "forget", "config", "sql",
    "shell",
];

const ALL_ROWS: &str = "select * from stg.crm_events order by id_source";

#[test]
fn help_lists_the_commands() {
    assert_said!(Program::new().run(&["--help"]));
}

#[test]
fn help_of_each_command_has_an_example() {
    for command in COMMANDS {
        let said = Program::new().run(&[command, "--help"]);
        assert!(said.contains("Example"), "{said}");
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(format!("help_of_{command}"), said);
        });
    }
}

/// Every line of every command's example, by `sh`, in a folder that holds the demo lake.
#[test]
fn every_example_of_the_help_works_on_the_demo_lake() {
    let program = Program::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(data)
        .arg(program.folder())
        .status()
        .unwrap();
    assert!(copied.success());
    let binaries = Path::new(env!("CARGO_BIN_EXE_touchpath")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), env!("PATH"));

    let mut tried = 0;
    for command in COMMANDS {
        let help = program
            .command(&[command, "--help"])
            .output()
            .unwrap()
            .stdout;
        let help = String::from_utf8(help).unwrap();
        let (_, examples) = help.split_once("\nExample").unwrap();
        // A database or a bucket is not at hand; their own tests need one.
        let at_hand = |line: &&str| !line.contains("postgres://") && !line.contains("s3://");
        for line in examples
            .lines()
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter(at_hand)
        {
            let output = Command::new("sh")
                .args(["-c", line])
                .current_dir(program.folder())
                .env("PATH", &path)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}");
            tried += 1;
        }
    }
    assert!(tried >= 10, "{tried} examples");
}

#[test]
fn the_version_is_data() {
    assert_said!(Program::new().run(&["--version"]));
}

#[test]
fn an_unknown_command_is_a_mistake_of_use() {
    assert_said!(Program::new().run(&["slq"]));
}

#[test]
fn no_command_is_answered_with_the_help() {
    assert_said!(Program::new().run(&[]));
}

#[test]
fn sql_needs_a_statement() {
    assert_said!(Program::new().run(&["sql"]));
}

#[test]
fn config_tells_where_each_value_came_from() {
    let program = Program::new()
        .file(
            "touchpath.toml",
            "lake = \"lake\"\nsince = 2025-01-01\n[limits]\nunmatched = 0.5\n",
        )
        .with("TOUCHPATH_MODELS", "linear,last_touch")
        .with("TOUCHPATH_FROM", "postgres://me:secret@db/crm")
        .with("PGPASSWORD", "secret");
    assert_said!(program.run(&["config", "--log-format", "json"]));
}

#[test]
fn an_unknown_key_of_the_file_is_named_with_the_one_that_was_meant() {
    assert_said!(
        Program::new()
            .file("touchpath.toml", "lookback = 3\nlak = \"x\"\n")
            .run(&["config"])
    );
}

#[test]
fn a_settings_file_that_is_named_must_be_there() {
    assert_said!(Program::new().run(&["config", "--config", "other.toml"]));
}

#[test]
fn each_format_writes_the_same_rows() {
    let program = with_lake();
    let formats = ["table", "csv", "json", "ndjson", "markdown"];
    let said: Vec<String> = formats
        .iter()
        .map(|format| program.run(&["sql", ALL_ROWS, "--lake", "lake", "--format", format]))
        .collect();
    assert_said!(said.join("\n"));
}

#[test]
fn a_pipe_gets_csv_and_quiet_keeps_stderr_empty() {
    assert_said!(with_lake().run(&["sql", "-q", ALL_ROWS, "--lake", "lake"]));
}

#[test]
fn parquet_on_stdout_reads_back() {
    let program = with_lake();
    let arguments = ["sql", ALL_ROWS, "--lake", "lake", "--format", "parquet"];
    let bytes = program.command(&arguments).output().unwrap().stdout;
    let rows: usize = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
        bytes::Bytes::from(bytes),
    )
    .unwrap()
    .build()
    .unwrap()
    .map(|batch| batch.unwrap().num_rows())
    .sum();
    assert_eq!(rows, 3);
}

#[test]
fn a_misspelt_column_is_answered_with_the_one_that_was_meant() {
    let query = "select platfrom from stg.crm_events";
    assert_said!(with_lake().run(&["sql", query, "--lake", "lake"]));
}

#[test]
fn sql_that_does_not_parse_says_where() {
    assert_said!(with_lake().run(&["sql", "selec 1", "--lake", "lake"]));
}

#[test]
fn sql_writes_nothing() {
    assert_said!(with_lake().run(&["sql", "create table t as select 1", "--lake", "lake"]));
}

#[test]
fn a_lake_that_is_not_there_does_not_come_into_being() {
    let program = Program::new();
    assert_said!(program.run(&["sql", "select 1", "--lake", "lkae"]));
    assert!(!program.folder().join("lkae").exists());
}

#[test]
fn a_command_without_a_lake_says_how_to_name_one() {
    assert_said!(Program::new().run(&["sql", "select 1"]));
}

#[test]
fn a_file_stops_at_the_first_statement_that_fails() {
    let statements =
        "-- three statements\nselect 1 as first;\n\nselect 1 / 0;\nselect 3 as third\n";
    let program = with_lake().file("three.sql", statements);
    assert_said!(program.run(&["sql", "-f", "three.sql", "--lake", "lake"]));
}

#[test]
fn statements_are_read_from_stdin_and_each_result_is_printed() {
    let arguments = ["sql", "-f", "-", "--lake", "lake", "--format", "markdown"];
    assert_said!(with_lake().run_with_input(&arguments, "select 1 as a; select 2 as b;"));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let many = "select * from generate_series(1, 1000000)";
    for arguments in [vec!["sql", many, "--lake", "lake"], vec!["sql", "--help"]] {
        let program = with_lake();
        let mut child = program
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn an_interrupt_ends_a_command_with_130() {
    let endless = "select * from generate_series(1, 1000000000000)";
    let program = with_lake();
    let mut child = program
        .command(&["sql", endless, "--lake", "lake"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 16]).unwrap();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: interrupted\n"
    );
}

#[test]
fn the_shell_reads_a_pipe_and_goes_on_after_a_mistake() {
    let input = "\
.tables
.schema stg.crm_events
select count(*) as touches
from stg.crm_events;
select nonsense;
.schem x
select 'last; one' as text
";
    assert_said!(with_lake().run_with_input(&["shell", "--lake", "lake"], input));
}

#[test]
fn the_shell_helps_and_leaves() {
    assert_said!(
        with_lake().run_with_input(&["shell", "--lake", "lake"], ".help\n.quit\nselect 1;\n")
    );
}
