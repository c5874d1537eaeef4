//! The main job on an S3 server of the test's own, moto.
//!
//! In: the demo lake, put into a bucket. Out: the same bytes as on disk, published, listed,
//! queried and reported from the bucket.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::lakes::{assert_same_files, copy_demo, demo, files, published};
use crate::program::Program;
use crate::python::{python, succeed};

const START_LIMIT: Duration = Duration::from_mins(1);

/// Makes the bucket and puts a folder's Parquet files into it: `ENDPOINT FOLDER PREFIX`.
const PUT: &str = r#"
import pathlib, sys, boto3
endpoint, folder, prefix = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)
s3.create_bucket(Bucket="bucket")
for file in sorted(pathlib.Path(folder).rglob("*.parquet")):
    s3.upload_file(str(file), "bucket", f"{prefix}/{file.relative_to(folder).as_posix()}")
"#;

/// Copies what lies under a prefix into a folder and prints the keys: `ENDPOINT PREFIX FOLDER`.
const GET: &str = r#"
import pathlib, sys, boto3
endpoint, prefix, folder = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint)
for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix + "/"):
    for found in page.get("Contents", []):
        name = found["Key"].removeprefix(prefix + "/")
        file = pathlib.Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file("bucket", found["Key"], str(file))
        print(name)
"#;

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "key"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_DEFAULT_REGION", "us-east-1"),
];

/// An S3 server that ends with the test.
struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = python(&["moto.server", "boto3"])
            .args([
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            process,
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        let limit = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                server.process.try_wait().unwrap().is_none(),
                "moto did not start"
            );
            assert!(
                Instant::now() < limit,
                "moto is not ready after {START_LIMIT:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn script(&self, text: &str, arguments: &[&str]) -> String {
        let mut command = python(&["boto3"]);
        succeed(
            command
                .args(["-c", text, &self.endpoint])
                .args(arguments)
                .envs(KEYS),
        )
    }

    /// A program that reaches the server by its settings.
    fn program(&self) -> Program {
        let program = Program::new()
            .with("TOUCHPATH_S3_ENDPOINT", &self.endpoint)
            .with("TOUCHPATH_S3_ALLOW_HTTP", "true")
            .with("TOUCHPATH_S3_REGION", "us-east-1");
        KEYS[..2]
            .iter()
            .fold(program, |program, (name, value)| program.with(name, value))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What a command prints; it must succeed.
fn printed(program: &Program, arguments: &[&str]) -> String {
    succeed(&mut program.command(arguments))
}

const LAKE: &str = "s3://bucket/crm/lake";
const OUT: &str = "s3://bucket/crm/results";

#[test]
fn the_main_job_works_from_bucket_to_bucket() {
    let server = Server::start();
    server.script(PUT, &[demo().to_str().unwrap(), "crm/lake"]);
    let program = server.program();
    let run = ["--lake", LAKE, "--out", OUT, "--since", "2025-01-01"];
    let summary = printed(&program, &[&["run"], &run[..]].concat());
    assert!(
        summary.contains("\n17136,4570,4570,12566,424,294,25142227.00,9,3.75\n"),
        "{summary}"
    );

    let local = Program::new();
    copy_demo(local.folder(), "lake");
    printed(
        &local,
        &[
            "run",
            "--lake",
            "lake",
            "--out",
            "out",
            "--since",
            "2025-01-01",
        ],
    );
    let results = program.folder().join("results");
    let names = server.script(GET, &["crm/results", results.to_str().unwrap()]);
    assert_same_files(
        &published(&results),
        &published(&local.folder().join("out")),
        "results in the bucket and on disk",
    );
    // Nothing lies there but a run's files, its manifest and its commit.
    let kinds = names.lines().fold(BTreeMap::new(), |mut kinds, name| {
        let kind = match name.rsplit_once('.') {
            Some((path, "parquet")) if path.starts_with("runs/") => "results",
            Some((path, "json")) if path.ends_with("/manifest") => "manifest",
            Some(("commits/00000000000000000001", "json")) => "commit",
            _ => name,
        };
        *kinds.entry(kind).or_insert(0) += 1;
        kinds
    });
    assert_eq!(
        kinds,
        BTreeMap::from([("commit", 1), ("manifest", 1), ("results", 19)])
    );

    let again = ["--models", "linear", "--quiet"];
    printed(&program, &[&["run"], &run[..], &again].concat());
    let listed = printed(&program, &["runs", "list", "--out", OUT]);
    let numbers: Vec<&str> = listed
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(numbers, ["1", "2"], "{listed}");
    assert!(listed.ends_with(",yes\n"), "{listed}");

    let query = "select count(*) as touches, (select min(model) from prod.attribution) as model
                 from stg.crm_events where client_id is not null and event_date >= '2025-01-01'";
    let answer = printed(&program, &["sql", query, "--lake", LAKE, "--out", OUT]);
    assert_eq!(answer, "touches,model\n17136,linear\n");

    let report = printed(&program, &["report", "--out", OUT, "--format", "md"]);
    assert!(report.contains("25,142,227"), "{report}");
}

#[test]
fn a_client_is_forgotten_in_a_bucket_as_on_disk() {
    let server = Server::start();
    server.script(PUT, &[demo().to_str().unwrap(), "crm/lake"]);
    let program = server.program();
    // A client of the demo lake with leads, a click, requests and a contract.
    let client = ["forget", "--client", "505944", "--lake"];
    let in_bucket = printed(&program, &[&client[..], &[LAKE]].concat());
    let local = Program::new();
    let on_disk = copy_demo(local.folder(), "lake");
    let said = printed(&local, &[&client[..], &["lake"]].concat());
    assert_eq!(in_bucket, said);

    let fetched = program.folder().join("fetched");
    server.script(GET, &["crm/lake", fetched.to_str().unwrap()]);
    let parquet = |folder: &Path| -> BTreeMap<String, Vec<u8>> {
        let is_parquet = |(name, _): &(String, Vec<u8>)| name.ends_with(".parquet");
        files(folder).into_iter().filter(is_parquet).collect()
    };
    let (bucket, disk) = (parquet(&fetched), parquet(&on_disk));
    assert_same_files(&bucket, &disk, "the lake in the bucket and on disk");
    assert!(bucket != parquet(&demo()), "nothing was rewritten");
}

#[test]
fn a_bucket_that_is_not_there_is_the_stores_failure() {
    let server = Server::start();
    let output = server
        .program()
        .command(&["run", "--lake", "s3://nowhere/lake", "--out", OUT])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("error: cannot list `s3://nowhere/lake/raw`"),
        "{said}"
    );
}
