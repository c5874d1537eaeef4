//! What names a person stays in the database, whatever the policy for contacts; contacts leave
//! it as the policy says.
//!
//! A database full of planted personal values is exported by the real binary, and every
//! command is run on the lake. Then every file, what each Parquet file holds once it is
//! decompressed, and everything that was said is searched for every planted value.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatchReader};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use touchpath::schema::{TABLES, Table};

use crate::lakes::files;
use crate::postgres::Database;
use crate::program::Program;
use crate::python::{python, succeed};

/// Columns about persons and what stands in them, in every known table; `TABLE` becomes the
/// table's name.
const PERSONAL: [(&str, &str, &str); 12] = [
    ("fio", "text", "Planted-fio-TABLE"),
    ("customer_name", "text", "Planted-customer-TABLE"),
    ("birth_date", "date", "1907-03-11"),
    ("gender", "text", "Planted-gender-TABLE"),
    ("passport", "text", "Planted-passport-TABLE"),
    ("passport_foreign", "text", "Planted-foreign-TABLE"),
    ("tax_number", "bigint", "7301946285113"),
    ("address", "text", "Planted-address-TABLE"),
    ("education", "text", "Planted-education-TABLE"),
    ("comment", "text", "Planted-comment-TABLE"),
    ("image", "bytea", "Planted-image-TABLE"),
    ("raw", "jsonb", "{\"answer\": \"Planted-raw-TABLE\"}"),
];

/// One phone and one address, as the CRM and as the ad platforms spell them.
const CRM: [&str; 2] = ["(044) 765-43-21", " Olena.Planted@Example.ORG"];
const ADS: [&str; 2] = ["+380447654321", "olena.planted@example.org"];

/// What is searched for of them.
const CONTACTS: [&str; 5] = [
    "765-43-21",
    "447654321",
    "380447",
    "Olena.Planted",
    "olena.planted",
];

const KEY: &str = "a key of the test, long enough";

/// Every planted value that no policy lets out.
fn planted() -> Vec<String> {
    let values = PERSONAL.iter().map(|(_, _, value)| {
        let text = value.rsplit("\": \"").next().unwrap();
        text.replace("TABLE", "").trim_end_matches("\"}").to_owned()
    });
    values.collect()
}

/// The demo's tables with personal columns and contacts in every row, and a table of the
/// user's own.
async fn database(name: &str) -> Database {
    let database = Database::create(name).await;
    let loaded = Program::new().run(&["demo", "--postgres", &database.url()]);
    assert!(loaded.starts_with("exit: 0\n"), "{loaded}");
    let client = database.client().await;
    for table in TABLES {
        client.batch_execute(&plant(table)).await.unwrap();
    }
    client
        .batch_execute(&format!(
            "create schema shop;
             create table shop.people (id integer primary key, \"Phone\" text, email text,
                 mobile varchar(40), note text);
             insert into shop.people values (1, '{}', '{}', '{}', 'a note'), (2, '', ' ', null, '')",
            CRM[0], ADS[1], ADS[0]
        ))
        .await
        .unwrap();
    database
}

/// Adds and fills a known table's personal columns; three rows' contacts are blank.
fn plant(table: &Table) -> String {
    let name = table.qualified();
    let is_known = |column: &str| {
        let columns = table.columns.iter().map(|column| column.name);
        let contacts = table.contacts.iter().map(|contact| contact.column);
        columns.chain(contacts).any(|known| known == column)
    };
    let mut added = Vec::new();
    let mut set = Vec::new();
    let personal = PERSONAL.iter().filter(|(column, ..)| !is_known(column));
    for (column, kind, value) in personal {
        added.push(format!("add {column} {kind}"));
        let value = value.replace("TABLE", table.name);
        set.push(format!("{column} = '{value}'"));
    }
    let [phone, email] = if table.name.starts_with("fb_") {
        ADS
    } else {
        CRM
    };
    for (column, value) in [("phone", phone), ("email", email)] {
        added.push(format!("add if not exists {column} text"));
        set.push(format!("{column} = '{value}'"));
    }
    format!(
        "alter table {name} {}; update {name} set {};
         update {name} set phone = '  ', email = '' where ctid in
             (select ctid from {name} order by {} limit 3)",
        added.join(", "),
        set.join(", "),
        table.key.join(", ")
    )
}

/// A folder with a key and the settings of the policy; logs say all they can.
fn program(database: &Database, policy: &str) -> Program {
    let settings = "contacts_key_file = \"secrets/key\"\n\
                    [contact_columns]\n\"shop.people.mobile\" = \"phone\"\n";
    let program = Program::new()
        .with("TOUCHPATH_FROM", &database.url())
        .with("TOUCHPATH_CONTACTS", policy)
        .with("TOUCHPATH_LOG", "touchpath=trace,tokio_postgres=trace")
        .file("touchpath.toml", settings);
    let secrets = program.folder().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("key"), format!("{KEY}\n")).unwrap();
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(secrets.join("key"), private).unwrap();
    program
}

/// Runs a command that must succeed; returns everything that it said.
fn said(program: &Program, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = program.command(arguments).output().unwrap();
    let said = [stdout, b"\n".to_vec(), stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(status.success(), "{arguments:?}\n{said}");
    said
}

fn export(program: &Program) -> String {
    let mut names: Vec<String> = TABLES.iter().map(Table::qualified).collect();
    names.push("shop.people".to_owned());
    let mut arguments = vec!["export", "--lake", "lake"];
    arguments.extend(names.iter().map(String::as_str));
    said(program, &arguments)
}

/// Publishes a run of the lake and tells of it.
fn run_and_report(program: &Program) -> Vec<String> {
    vec![
        said(program, &["run", "--lake", "lake", "--out", "out"]),
        said(program, &["report", "--out", "out", "--format", "html"]),
    ]
}

/// Everything else that the commands have to say of it.
fn other_commands(program: &Program) -> Vec<String> {
    let mut told = vec![
        said(program, &["check", "--lake", "lake"]),
        said(program, &["runs", "list", "--out", "out"]),
        said(program, &["config"]),
        shown_rows(program),
    ];
    for format in ["table", "md", "json"] {
        told.push(said(
            program,
            &["report", "--out", "out", "--format", format],
        ));
    }
    told
}

/// Every row of every known table, as SQL shows it.
fn shown_rows(program: &Program) -> String {
    let select = |table: &Table| format!("select * from {};\n", table.qualified());
    let statements: String = TABLES.iter().map(select).collect();
    std::fs::write(program.folder().join("all.sql"), statements).unwrap();
    said(
        program,
        &["sql", "-f", "all.sql", "--lake", "lake", "--format", "json"],
    )
}

/// Every file below a folder by its name: its bytes as text, and a Parquet file's values.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut contents = Vec::new();
    for (name, bytes) in files(folder) {
        if name.ends_with(".parquet") {
            let mut values = String::new();
            for batch in reader(&bytes) {
                for column in batch.unwrap().columns() {
                    write_values(column, &mut values);
                }
            }
            contents.push((name.clone(), values));
        }
        contents.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    contents
}

fn reader(bytes: &[u8]) -> ParquetRecordBatchReader {
    let open = bytes::Bytes::copy_from_slice(bytes);
    let file = ParquetRecordBatchReaderBuilder::try_new(open).unwrap();
    file.build().unwrap()
}

/// Every value of a column as text, a line each; texts as they stand in memory.
fn write_values(column: &ArrayRef, values: &mut String) {
    if let Some(texts) = column.as_string_opt::<i32>() {
        values.push_str(std::str::from_utf8(texts.value_data()).unwrap());
    } else if let Some(lists) = column.as_list_opt::<i32>() {
        write_values(lists.values(), values);
    } else {
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(column, &options).unwrap();
        for row in 0..column.len() {
            writeln!(values, "{}", shown.value(row)).unwrap();
        }
    }
    values.push('\n');
}

fn assert_holds_none(contents: &[(String, String)], values: &[impl AsRef<str>]) {
    for (name, text) in contents {
        for value in values {
            let value = value.as_ref();
            assert!(!text.contains(value), "`{value}` stands in {name}");
        }
    }
}

fn named(what: &str, said: &[String]) -> Vec<(String, String)> {
    let named = said.iter().enumerate();
    named
        .map(|(number, said)| (format!("{what} {number}"), said.clone()))
        .collect()
}

/// A text column of an exported table's only file.
fn column(program: &Program, table: &str, column: &str) -> Vec<Option<String>> {
    let folder = program.folder().join("lake").join(table);
    let parts = files(&folder);
    let (_, bytes) = parts.iter().next().unwrap();
    reader(bytes)
        .flat_map(|batch| {
            let batch = batch.unwrap();
            let texts = batch.column_by_name(column).unwrap().as_string::<i32>();
            texts
                .iter()
                .map(|text| text.map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn has_column(program: &Program, table: &str, name: &str) -> bool {
    let parts = files(&program.folder().join("lake").join(table));
    let (_, bytes) = parts.iter().next().unwrap();
    reader(bytes).schema().column_with_name(name).is_some()
}

/// The distinct values of a column and whether any is null.
fn distinct(values: Vec<Option<String>>) -> (Vec<String>, usize) {
    let nulls = values.iter().filter(|value| value.is_none()).count();
    let distinct: std::collections::BTreeSet<String> = values.into_iter().flatten().collect();
    (distinct.into_iter().collect(), nulls)
}

/// The hashes of the planted phone and address by Python's own HMAC.
fn expected_hashes() -> [String; 2] {
    let script = format!(
        "import hmac\nfor text in (b'phone:447654321', b'email:olena.planted@example.org'):\n    \
         print(hmac.new(b'{KEY}', text, 'sha256').hexdigest())"
    );
    let printed = succeed(python(&["hmac"]).args(["-c", &script]));
    let mut lines = printed.lines().map(str::to_owned);
    [lines.next().unwrap(), lines.next().unwrap()]
}

const WITH_CONTACTS: [&str; 4] = [
    "raw/itcrm_internet_request",
    "raw/itcrm_analytics",
    "raw/fb_leads",
    "stg/source_attribution",
];

#[tokio::test]
async fn no_policy_lets_out_what_names_a_person() {
    let database = database("planted").await;
    contacts_stay_under_drop(&database);
    contacts_are_hashes_under_hmac(&database);
    contacts_are_as_they_were_under_keep(&database);
}

fn contacts_stay_under_drop(database: &Database) {
    let dropped = program(database, "drop");
    let mut told = vec![export(&dropped)];
    told.extend(run_and_report(&dropped));
    let mut all = contents(&dropped.folder().join("lake"));
    all.extend(contents(&dropped.folder().join("out")));
    all.extend(named("said", &told));
    assert_holds_none(&all, &planted());
    assert_holds_none(&all, &CONTACTS);
    for table in WITH_CONTACTS {
        assert!(!has_column(&dropped, table, "phone"), "{table}");
    }
}

fn contacts_are_hashes_under_hmac(database: &Database) {
    let hashed = program(database, "hmac");
    let mut told = vec![export(&hashed)];
    told.extend(run_and_report(&hashed));
    told.extend(other_commands(&hashed));
    let mut all = contents(&hashed.folder().join("lake"));
    all.extend(contents(&hashed.folder().join("out")));
    all.extend(named("said", &told));
    assert_holds_none(&all, &planted());
    assert_holds_none(&all, &CONTACTS);
    assert_holds_none(&all, &[KEY]);
    // The same person in the CRM, in Facebook's leads and in the user's table, however spelt.
    let [phone, email] = expected_hashes();
    for table in WITH_CONTACTS {
        let phones = distinct(column(&hashed, table, "phone"));
        assert_eq!(phones, (vec![phone.clone()], 3), "{table}");
        let emails = distinct(column(&hashed, table, "email"));
        assert_eq!(emails, (vec![email.clone()], 3), "{table}");
    }
    for (name, hash) in [("Phone", &phone), ("mobile", &phone), ("email", &email)] {
        let people = column(&hashed, "shop/people", name);
        assert_eq!(people, [Some(hash.clone()), None], "{name}");
    }
    assert!(!has_column(&hashed, "raw/itcrm_docs_clients", "phone"));

    let forget = [
        "forget", "--client", "505944", "--lake", "lake", "--out", "out",
    ];
    let mut all = named("forget", &[said(&hashed, &forget)]);
    all.extend(contents(&hashed.folder().join("lake/_exports")));
    assert_holds_none(&all, &planted());
    assert_holds_none(&all, &CONTACTS);
    assert_holds_none(&all, &[KEY]);
}

fn contacts_are_as_they_were_under_keep(database: &Database) {
    let kept = program(database, "keep");
    let mut told = vec![export(&kept)];
    let reported = run_and_report(&kept);
    let mut all = contents(&kept.folder().join("out"));
    all.extend(named("said", &reported));
    assert_holds_none(&all, &CONTACTS);
    all.extend(contents(&kept.folder().join("lake")));
    told.push(shown_rows(&kept));
    all.extend(named("said", &told));
    assert_holds_none(&all, &planted());
    // What is there is found: in a compressed file, and in what was said.
    for place in ["raw/itcrm_analytics", "said"] {
        let mut there = all.iter().filter(|(name, _)| name.starts_with(place));
        assert!(there.any(|(_, text)| text.contains(CONTACTS[0])), "{place}");
    }
    let phones = distinct(column(&kept, "raw/itcrm_analytics", "phone"));
    assert_eq!(phones, (vec!["  ".to_owned(), CRM[0].to_owned()], 0));
    assert_eq!(
        column(&kept, "shop/people", "mobile")[0].as_deref(),
        Some(ADS[0])
    );
}

/// A table with contacts and one whose phones are numbers, and two keys.
async fn two_tables(name: &str) -> Program {
    let database = Database::create(name).await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema shop;
             create table shop.a (id integer primary key, phone text, email text);
             create table shop.b (id integer primary key, phone bigint)",
        )
        .await
        .unwrap();
    let program = Program::new().with("TOUCHPATH_FROM", &database.url());
    for (name, text) in [("one", KEY), ("two", "another key of the test")] {
        let path = program.folder().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    program
}

fn export_with(program: &Program, arguments: &[&str]) -> String {
    let start = ["export", "--lake", "lake"];
    program.run(&[&start[..], arguments].concat())
}

#[tokio::test]
async fn the_manifest_says_what_became_of_contacts_and_a_new_key_is_noticed() {
    let program = two_tables("contacts_manifest").await;
    let export = |arguments: &[&str]| export_with(&program, arguments);
    let dropped = export(&["shop.a"]);
    assert!(
        dropped.contains("shop.a: email, phone: contacts, not exported\n"),
        "{dropped}"
    );
    let first = export(&["shop.a", "--contacts-key-file", "one"]);
    assert!(
        first.contains("shop.a: email, phone: contacts, exported as hashes\n"),
        "{first}"
    );
    assert!(!first.contains("warning"), "{first}");
    let again = export(&["shop.a", "--contacts-key-file", "one"]);
    assert!(!again.contains("warning"), "{again}");
    let other = export(&["shop.a", "--contacts-key-file", "two"]);
    assert!(
        other.contains("the lake holds contacts hashed with another key"),
        "{other}"
    );

    let manifests = files(&program.folder().join("lake/_exports"));
    let manifests: Vec<serde_json::Value> = manifests
        .values()
        .map(|text| serde_json::from_slice(text).unwrap())
        .collect();
    let contact = |number: usize, what: &str| &manifests[number]["tables"][0]["contacts"][1][what];
    let policies: Vec<&str> = (0..4)
        .map(|number| contact(number, "policy").as_str().unwrap())
        .collect();
    assert_eq!(policies, ["drop", "hmac", "hmac", "hmac"]);
    assert_eq!(contact(0, "key"), &serde_json::Value::Null);
    assert_eq!(contact(1, "key"), contact(2, "key"));
    assert_ne!(contact(1, "key"), contact(3, "key"));
}

#[tokio::test]
async fn hashing_needs_a_key_and_text() {
    let program = two_tables("contacts_refused").await;
    let refused = export_with(&program, &["shop.b", "--contacts-key-file", "one"]);
    assert!(refused.starts_with("exit: 2\n"), "{refused}");
    let why = "`shop.b.phone` holds contacts and cannot be hashed: its type is `bigint`";
    assert!(refused.contains(why), "{refused}");
    let program = program.file("touchpath.toml", "[columns]\n\"shop.b.phone\" = \"text\"\n");
    let hashed = export_with(&program, &["shop.b", "--contacts-key-file", "one"]);
    assert!(hashed.starts_with("exit: 0\n"), "{hashed}");
    let kept = export_with(&program, &["shop.b", "--contacts", "keep"]);
    assert!(kept.starts_with("exit: 0\n"), "{kept}");
    let keyless = export_with(&program, &["shop.a", "--contacts", "hmac"]);
    assert!(keyless.starts_with("exit: 2\n"), "{keyless}");
    assert!(keyless.contains("no key is named"), "{keyless}");
    assert!(keyless.contains("hint: make one by"), "{keyless}");
}
