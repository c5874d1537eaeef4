//! Passwords and keys appear nowhere: not in what a command says, logs or writes, nor in `ps`.
//!
//! Every command of the binary's own help runs with a password given in every way, through
//! every failure that can be provoked, with the chattiest log. What it says, every file that
//! it writes and its command line are searched for each piece of the password.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::certificates::{certificate, certificate_bytes};
use crate::postgres::{Cluster, Stopped, free_port, programs};
use crate::program::Program;

/// In every piece of the password, whatever characters it is cut at.
const NEEDLE: &str = "c4n4ry";
const PASSWORD: &str =
    "c4n4ryA@c4n4ryB/c4n4ryC?c4n4ryD&c4n4ryE:c4n4ryF=c4n4ryG c4n4ryH\\c4n4ryI'c4n4ryJ";

/// The arguments by which each command is run; a command of the help that is not here fails
/// the test. `DATABASE` stands for words that name the database without a password.
const COMMANDS: &[(&str, &[&[&str]])] = &[
    (
        "demo",
        &[&["demo", "made"], &["demo", "--postgres", "DATABASE"]],
    ),
    (
        "export",
        &[
            &["export", "public.t", "--lake", "lake"],
            &["export", "public.t", "--lake", "lake", "--dry-run"],
            &["export", "public.t", "--lake", "lake", "--resume"],
            &["export", "public.t", "--lake", "lake", "--verify"],
            &["export", "public.t", "--lake", "lake", "--repair"],
        ],
    ),
    ("compact", &[&["compact", "--lake", "lake"]]),
    ("forget", &[&["forget", "--client", "1", "--lake", "lake"]]),
    ("run", &[&["run", "--lake", "lake"]]),
    ("report", &[&["report", "--out", "lake"]]),
    ("check", &[&["check", "--lake", "lake"]]),
    ("runs list", &[&["runs", "list", "--out", "lake"]]),
    ("config", &[&["config"]]),
    ("sql", &[&["sql", "select 1", "--lake", "lake"]]),
    ("shell", &[&["shell", "--lake", "lake"]]),
];

/// What goes wrong with the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trouble {
    None,
    ServerDown,
    WrongPassword,
    UntrustedServer,
}

impl Trouble {
    const ALL: [Self; 4] = [
        Self::None,
        Self::ServerDown,
        Self::WrongPassword,
        Self::UntrustedServer,
    ];

    /// What an export says that got as far as the trouble.
    fn said(self) -> &'static str {
        match self {
            Self::None => "exported 1 tables",
            Self::ServerDown => "Connection refused",
            Self::WrongPassword => "password authentication failed",
            Self::UntrustedServer => "invalid peer certificate",
        }
    }

    /// libpq's parameters of the database, without the password.
    fn parameters(self, cluster: &Cluster) -> Vec<(&'static str, String)> {
        let port = match self {
            Self::ServerDown => free_port(),
            _ => cluster.port(),
        };
        let user = match self {
            Self::WrongPassword => "stranger",
            _ => "reader",
        };
        let mut parameters = vec![
            ("host", "localhost".to_owned()),
            ("port", port.to_string()),
            ("user", user.to_owned()),
            ("dbname", "crm".to_owned()),
        ];
        if self == Self::UntrustedServer {
            let other = certificate("other.crt").display().to_string();
            parameters.push(("sslmode", "verify-full".to_owned()));
            parameters.push(("sslrootcert", other));
        }
        parameters
    }
}

/// How the password is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Variables,
    Url,
    UrlParameter,
    Words,
    SettingsUrl,
    SettingsPasswordFile,
    PasswordFile,
    Service,
    /// With the password as it is, which makes it no URL.
    BrokenUrl,
    /// The same in the settings file.
    BrokenSettingsUrl,
    /// A settings file that is no TOML, on the password's line.
    BrokenSettings,
    /// Settings by a name or of a type that there is not.
    MisnamedSetting,
    MisnamedPassword,
    MistypedSetting,
    /// A password file that others can read.
    OpenPasswordFile,
    /// A service file with a broken line.
    BrokenService,
}

impl Way {
    const ALL: [Self; 16] = [
        Self::Variables,
        Self::Url,
        Self::UrlParameter,
        Self::Words,
        Self::SettingsUrl,
        Self::SettingsPasswordFile,
        Self::PasswordFile,
        Self::Service,
        Self::BrokenUrl,
        Self::BrokenSettingsUrl,
        Self::BrokenSettings,
        Self::MisnamedSetting,
        Self::MisnamedPassword,
        Self::MistypedSetting,
        Self::OpenPasswordFile,
        Self::BrokenService,
    ];

    /// Whether an export gets as far as the server.
    fn works(self) -> bool {
        !format!("{self:?}").contains("Broken")
            && !format!("{self:?}").contains("Mis")
            && self != Self::OpenPasswordFile
    }

    /// Puts the password and the rest in their places in the program's folder and environment.
    fn plant(self, parameters: &[(&str, String)]) -> Program {
        let plain = words(parameters, None);
        let with_password = words(parameters, Some(PASSWORD));
        let broken = url(parameters, PASSWORD);
        let url = url(parameters, &encoded(PASSWORD));
        let setting = |name: &str, value: &str| format!("{name} = {value:?}\n");
        let settings = |text: String| Program::new().file("touchpath.toml", &text);
        let home = |name: &str, text: &str| {
            let program = Program::new().file(name, text);
            set_mode(&program.folder().join(name), 0o600);
            program
        };
        match self {
            Self::Variables => in_variables(parameters),
            Self::Url => Program::new().with("TOUCHPATH_FROM", &url),
            Self::UrlParameter => {
                let (credentials, rest) = url.split_once('@').unwrap();
                let (address, _) = credentials.rsplit_once(':').unwrap();
                let between = if rest.contains('?') { '&' } else { '?' };
                let password = encoded(PASSWORD);
                let url = format!("{address}@{rest}{between}password={password}");
                Program::new().with("TOUCHPATH_FROM", &url)
            }
            Self::Words => Program::new().with("TOUCHPATH_FROM", &with_password),
            Self::SettingsUrl => settings(setting("from", &url)),
            Self::SettingsPasswordFile => {
                settings(setting("from", &plain) + &setting("password_file", "password"))
                    .file("password", PASSWORD)
            }
            Self::PasswordFile => home(".pgpass", &pgpass()).with("TOUCHPATH_FROM", &plain),
            Self::OpenPasswordFile => {
                let program = home(".pgpass", &pgpass()).with("TOUCHPATH_FROM", &plain);
                set_mode(&program.folder().join(".pgpass"), 0o644);
                program
            }
            Self::Service => {
                home(".pg_service.conf", &service(parameters)).with("PGSERVICE", "crm")
            }
            Self::BrokenService => {
                let text = service(parameters).replace("password=", "password ");
                home(".pg_service.conf", &text).with("PGSERVICE", "crm")
            }
            Self::BrokenUrl => Program::new().with("TOUCHPATH_FROM", &broken),
            Self::BrokenSettingsUrl => settings(setting("from", &broken)),
            Self::BrokenSettings => settings(setting("from", &url).replace("\"\n", "\n")),
            Self::MisnamedSetting => settings(setting("form", &url)),
            Self::MisnamedPassword => settings(setting("password", PASSWORD)),
            Self::MistypedSetting => settings(format!("from = [{url:?}]\n")),
        }
    }
}

fn in_variables(parameters: &[(&str, String)]) -> Program {
    let program = Program::new().with("PGPASSWORD", PASSWORD);
    parameters.iter().fold(program, |program, (name, value)| {
        let variable = match *name {
            "dbname" => "PGDATABASE".to_owned(),
            other => format!("PG{}", other.to_uppercase()),
        };
        program.with(&variable, value)
    })
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn words(parameters: &[(&str, String)], password: Option<&str>) -> String {
    let mut words = String::new();
    for (name, value) in parameters {
        write!(words, "{name}={value} ").unwrap();
    }
    if let Some(password) = password {
        let password = password.replace('\\', "\\\\").replace('\'', "\\'");
        write!(words, "password='{password}'").unwrap();
    }
    words
}

fn url(parameters: &[(&str, String)], password: &str) -> String {
    let (named, rest) = parameters.split_at(4);
    let [host, port, user, database] = [0, 1, 2, 3].map(|index| &named[index].1);
    let mut url = format!("postgres://{user}:{password}@{host}:{port}/{database}");
    for (index, (name, value)) in rest.iter().enumerate() {
        let before = if index == 0 { '?' } else { '&' };
        write!(url, "{before}{name}={}", encoded(value)).unwrap();
    }
    url
}

/// Every byte but letters and digits as `%41`.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

fn pgpass() -> String {
    let password = PASSWORD.replace('\\', "\\\\").replace(':', "\\:");
    format!("# c4n4ry\nlocalhost:*:crm:*:{password}\n")
}

fn service(parameters: &[(&str, String)]) -> String {
    let mut text = format!("[crm]\npassword={PASSWORD}\n");
    for (name, value) in parameters {
        writeln!(text, "{name}={value}").unwrap();
    }
    text
}

/// A server with the roles `reader`, who has the password, and `stranger`, who has another.
async fn guarded() -> Cluster {
    let cluster = Stopped::create(&programs())
        .file("server.crt", &certificate_bytes("server.crt"))
        .file("server.key", &certificate_bytes("server.key"))
        .file(
            "pg_hba.conf",
            b"host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
        )
        .configure("ssl = on\npassword_encryption = 'scram-sha-256'")
        .start();
    let password = PASSWORD.replace('\'', "''");
    let client = cluster.client("postgres").await;
    for sql in [
        &format!("create role reader login password '{password}'"),
        "create role stranger login password 'another'",
        "create database crm owner reader",
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    let client = cluster.client("crm").await;
    client
        .batch_execute(
            "create table public.t as select 1 as id;
             create view public.slow as
                 select pg_sleep(0.01)::text as pause from generate_series(1, 100000);
             grant select on public.t, public.slow to reader",
        )
        .await
        .unwrap();
    cluster
}

/// The commands that the help lists, those of commands included.
fn commands() -> Vec<String> {
    let listed = |arguments: &[&str]| -> Vec<String> {
        let output = Program::new().command(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().skip_while(|line| *line != "Commands:").skip(1);
        lines
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect()
    };
    let mut commands = Vec::new();
    for command in listed(&["--help"]) {
        let below = listed(&[&command, "--help"]);
        if below.is_empty() {
            commands.push(command);
        } else {
            commands.extend(below.iter().map(|name| format!("{command} {name}")));
        }
    }
    commands
}

/// Starts a command as chatty as can be; its command line must already be clean.
fn start(program: &Program, arguments: &[&str], format: &str) -> std::process::Child {
    let mut command: Command = program.command(arguments);
    let child = command
        .args(["--log-format", format, "--verbose"])
        .env("RUST_BACKTRACE", "1")
        .env("TOUCHPATH_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What `ps` shows.
    let shown = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    if !arguments.iter().any(|argument| argument.contains(NEEDLE)) {
        assert_clean(&shown, "the command line");
    }
    child
}

fn assert_clean(bytes: &[u8], what: &str) {
    let text = String::from_utf8_lossy(bytes);
    let at = text.find(NEEDLE);
    let around = at.map(|at| {
        let start = text[..at]
            .char_indices()
            .rev()
            .nth(200)
            .map_or(0, |(i, _)| i);
        text[start..].chars().take(400).collect::<String>()
    });
    assert_eq!(around, None, "{what} holds a piece of the password");
}

/// Searches what a command said and every file below its folder but those with the password.
fn assert_no_trace(program: &Program, output: &Output, what: &str) {
    const PLANTED: [&str; 4] = ["touchpath.toml", "password", ".pgpass", ".pg_service.conf"];
    fn walk(folder: &Path, what: &str, is_top: bool) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if is_top && PLANTED.contains(&name) {
                continue;
            }
            assert_clean(name.as_bytes(), what);
            if path.is_dir() {
                walk(&path, what, false);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert_clean(&bytes, &format!("{what}: {}", path.display()));
            }
        }
    }
    assert_clean(&output.stdout, &format!("{what}: stdout"));
    assert_clean(&output.stderr, &format!("{what}: stderr"));
    walk(program.folder(), what, true);
}

/// Runs a command to its end and searches everything; returns what it said on stderr.
fn run(program: &Program, arguments: &[&str], format: &str, what: &str) -> String {
    let output = start(program, arguments, format)
        .wait_with_output()
        .unwrap();
    assert_no_trace(program, &output, what);
    assert!(output.status.code().is_some(), "{what}: {}", output.status);
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_command_of_the_help_is_searched_for_secrets() {
    let known: Vec<&str> = COMMANDS.iter().map(|(command, _)| *command).collect();
    for command in commands() {
        assert!(
            known.contains(&command.as_str()),
            "`{command}` is new: say in COMMANDS of tests/it/secrets.rs how to run it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_the_password_of_the_database() {
    let cluster = guarded().await;
    for way in Way::ALL {
        for trouble in Trouble::ALL {
            let parameters = trouble.parameters(&cluster);
            let database = words(&parameters, None);
            for (command, runs) in COMMANDS {
                for (index, arguments) in runs.iter().enumerate() {
                    let has_database = arguments.contains(&"DATABASE") || *command == "export";
                    // Where there is no database there is no trouble with it; a synthetic
                    // lake takes a second to write, and never looks at a password.
                    let is_needless = arguments.contains(&"made") && way != Way::Variables;
                    if !has_database && (trouble != Trouble::None || is_needless) {
                        continue;
                    }
                    let arguments: Vec<&str> = arguments
                        .iter()
                        .map(|argument| match *argument {
                            "DATABASE" => database.as_str(),
                            other => other,
                        })
                        .collect();
                    let program = way.plant(&parameters);
                    std::fs::create_dir(program.folder().join("lake")).unwrap();
                    let what = format!("{way:?}, {trouble:?}, {arguments:?}");
                    let format = ["text", "json"][(index + way as usize) % 2];
                    let said = run(&program, &arguments, format, &what);
                    // The plain run of an export gets as far as the trouble.
                    if *command == "export" && index == 0 && way.works() {
                        assert!(said.contains(trouble.said()), "{what}: {said}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_and_a_broken_connection_show_no_password() {
    let cluster = guarded().await;
    let client = cluster.client("crm").await;
    for way in Way::ALL.into_iter().filter(|way| way.works()) {
        let parameters = Trouble::None.parameters(&cluster);
        let program = way.plant(&parameters);
        let arguments = ["export", "public.missing", "--lake", "lake"];
        let said = run(&program, &arguments, "text", &format!("{way:?}, missing"));
        assert!(said.contains("has no table `public.missing`"), "{said}");

        let child = start(
            &program,
            &["export", "public.slow", "--lake", "lake"],
            "json",
        );
        // What it says is read meanwhile: a full pipe would hold it up.
        let ended = std::thread::spawn(|| child.wait_with_output().unwrap());
        let limit = Instant::now() + Duration::from_mins(1);
        // Every connection, also the one that keeps the snapshot: a worker alone tries again.
        let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                   where usename = 'reader' and exists (select from pg_stat_activity as copying \
                   where copying.usename = 'reader' and copying.query ilike 'copy%')";
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(!ended.is_finished(), "{way:?}: ended before it was cut off");
            assert!(Instant::now() < limit, "{way:?}: the export does not begin");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let output = ended.join().unwrap();
        assert_eq!(output.status.code(), Some(3), "{way:?}");
        assert_no_trace(&program, &output, &format!("{way:?}, broken"));
    }
}

#[test]
fn a_password_among_the_arguments_is_refused_without_being_shown() {
    let parameters = [
        ("host", "localhost".to_owned()),
        ("port", "1".to_owned()),
        ("user", "reader".to_owned()),
        ("dbname", "crm".to_owned()),
    ];
    for address in [
        url(&parameters, &encoded(PASSWORD)),
        url(&parameters, PASSWORD),
        words(&parameters, Some(PASSWORD)),
        format!("postgres://localhost/crm?password={}", encoded(PASSWORD)),
        PASSWORD.to_owned(),
    ] {
        for arguments in [
            ["export", "public.t", "--lake", "lake", "--from", &address].as_slice(),
            ["demo", "--postgres", &address].as_slice(),
        ] {
            let program = Program::new();
            let output = start(&program, arguments, "text")
                .wait_with_output()
                .unwrap();
            assert_no_trace(&program, &output, "an argument");
            assert_eq!(output.status.code(), Some(2), "{output:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_contacts_is_not_shown() {
    let cluster = guarded().await;
    let client = cluster.client("crm").await;
    let sql = "create table public.people as select 1 as id, '+380 50 123 45 67' as mobile; \
               grant select on public.people to reader";
    client.batch_execute(sql).await.unwrap();
    let key = "c4n4ry".repeat(6);
    let export = ["export", "public.people", "--lake", "lake"];
    let commands = [
        export.to_vec(),
        [&export[..], &["--dry-run"]].concat(),
        [&export[..], &["--verify"]].concat(),
        vec!["config"],
        vec!["run", "--lake", "lake"],
    ];
    for (text, mode, said) in [
        (key.as_str(), 0o600, "exported 1 tables"),
        (&key[..12], 0o600, "has 12 bytes"),
        (&key, 0o644, "chmod 600"),
    ] {
        let parameters = Trouble::None.parameters(&cluster);
        let program = Way::Variables
            .plant(&parameters)
            .file("password", text)
            .file(
                "touchpath.toml",
                "contacts_key_file = \"password\"\n[contact_columns]\n\
                 \"public.people.mobile\" = \"phone\"\n",
            );
        set_mode(&program.folder().join("password"), mode);
        for (index, arguments) in commands.iter().enumerate() {
            let what = format!("{said}, {arguments:?}");
            let output = start(&program, arguments, "text")
                .wait_with_output()
                .unwrap();
            assert_no_trace(&program, &output, &what);
            if index == 0 {
                let heard = String::from_utf8(output.stderr).unwrap();
                assert!(heard.contains(said), "{what}: {heard}");
            }
        }
    }
}

/// A store that refuses every request and, as S3 does when a signature is wrong, repeats the
/// request, session token included.
fn echoing_store() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                request.extend_from_slice(&buffer[..count]);
            }
            let request = String::from_utf8_lossy(&request);
            let body = format!("<Error><CanonicalRequest>{request}</CanonicalRequest></Error>");
            let head = format!(
                "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            // A client that has gone away has nothing to hide.
            drop(stream.write_all((head + &body).as_bytes()));
        }
    });
    port
}

#[test]
fn the_keys_of_a_store_are_not_shown() {
    let endpoint = format!("http://127.0.0.1:{}", echoing_store());
    for (command, runs) in COMMANDS {
        for arguments in *runs {
            if arguments.contains(&"DATABASE") || *command == "export" {
                continue;
            }
            let arguments: Vec<&str> = arguments
                .iter()
                .map(|argument| match *argument {
                    "lake" | "made" => "s3://bucket/lake",
                    other => other,
                })
                .collect();
            let program = Program::new()
                .with("AWS_ACCESS_KEY_ID", "key")
                .with("AWS_SECRET_ACCESS_KEY", "c4n4ryA/c4n4ryB+c4n4ryC")
                .with("AWS_SESSION_TOKEN", "c4n4ryD/c4n4ryE==")
                .with("AWS_REGION", "eu-central-1")
                .with("TOUCHPATH_S3_ENDPOINT", &endpoint)
                .with("TOUCHPATH_S3_ALLOW_HTTP", "true");
            let said = run(&program, &arguments, "text", &format!("{command} on S3"));
            let is_refused = said.contains("403") || said.contains("Forbidden");
            let needs_store = arguments.contains(&"s3://bucket/lake");
            assert!(is_refused || !needs_store, "{command}: {said}");
        }
    }
}
