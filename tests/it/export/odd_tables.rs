//! Tables off the beaten track: exported exactly, or refused by a message that names them.

use std::collections::BTreeMap;

use touchpath::error::Exit;
use touchpath::export::{ExportError, ExportRequest, Selection, export};
use touchpath::lake::exports::ExportManifest;

use super::faults::texts;
use super::{Lake, at, failure, postgres, printed, request};

/// Tables and views of every make.
const MADE: &str = "create table public.made (id bigint generated always as identity primary key, \
                 n integer, gone text, twice integer generated always as (n * 2) stored);
             insert into public.made (n, gone) select n, 'gone' from generate_series(1, 50) as n;
             alter table public.made drop column gone;
             alter table public.made add column late text default 'after';
             insert into public.made (n) values (null);

             create table public.aside (id integer, compressed text, apart text);
             alter table public.aside alter apart set storage external;
             insert into public.aside values (1, repeat('ab', 500000), repeat('c', 300000)), (2, null, '');

             create table public.empty (id bigint primary key, t text);
             create table public.emptied (id bigint primary key);
             insert into public.emptied select generate_series(1, 10000);
             delete from public.emptied;
             create unlogged table public.unlogged (id bigint); insert into public.unlogged values (1);

             create table public.\"Drop \"\"me\"\"; --\" (\"select\" integer, \"a\"\"b\" text, \"Ї ї\" integer, \
                 \"line\nbreak\" integer, \"$1\" integer, \" \" integer);
             insert into public.\"Drop \"\"me\"\"; --\" values (1, 'x', 2, 3, 4, 5);

             create table public.parent (gone integer, id integer, t text) partition by range (id);
             alter table public.parent drop column gone;
             create table public.other (t text, gone integer, id integer);
             alter table public.other drop column gone;
             alter table public.parent attach partition public.other for values from (0) to (10);
             create table public.same partition of public.parent for values from (10) to (20);
             insert into public.parent values (1, 'one'), (11, 'eleven');

             create table public.people (id integer, name text);
             insert into public.people values (1, 'a'), (2, 'b');
             create function public.people_now() returns setof public.people language sql \
                 as 'select * from people';
             create function public.shout(t text) returns text language plpgsql \
                 as 'begin return upper(t) || (select count(*) from people); end';
             create view public.by_function as select id, shout(name) as name from people_now();
             create materialized view public.kept as select * from public.by_function;";

/// A role that may read some of each.
const GRANTS: &str = "create role grants_reader login;
             create schema shut; create table shut.t (id integer);
             create table public.closed (id integer);
             create table public.some (id bigint primary key, n integer, secret text);
             insert into public.some values (1, 10, 'hidden'), (2, 20, 'hidden');
             create view public.of_closed as select * from public.closed;
             create table public.apart (id bigint, n integer) partition by list (id);
             create table public.apart_1 partition of public.apart for values in (1);
             insert into public.apart values (1, 2);
             create table public.rows (id bigint primary key, owner text);
             insert into public.rows select id, case when id % 3 = 0 then 'grants_reader' else 'other' end \
                 from generate_series(1, 3000) as id;
             alter table public.rows enable row level security;
             create policy own on public.rows for select using (owner = current_user);
             grant select (id, n) on public.some to grants_reader;
             grant select on public.of_closed, public.apart, public.rows to grants_reader;
             grant select on shut.t to grants_reader;";

async fn run(request: &ExportRequest) -> Result<ExportManifest, ExportError> {
    export(request, || at(0), &|_| ()).await
}

/// The rows of a table's files, sorted.
fn rows(lake: &Lake, manifest: &ExportManifest, table: usize) -> Vec<Vec<Option<String>>> {
    let parts = manifest.tables[table].parts.iter();
    let mut rows: Vec<_> = parts
        .flat_map(|part| texts(std::fs::read(lake.file(&part.path)).unwrap()))
        .collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_every_make_are_exported_as_postgres_prints_them() {
    let database = postgres::Database::create("odd_tables").await;
    let client = database.client().await;
    let many: Vec<String> = (0..1000)
        .map(|number| format!("c{number} integer default {number}"))
        .collect();
    let many = format!(
        "create table public.many ({}); insert into public.many default values;",
        many.join(", ")
    );
    client.batch_execute(&many).await.unwrap();
    client.batch_execute(MADE).await.unwrap();
    let tables = [
        "public.many",
        "public.made",
        "public.aside",
        "public.empty",
        "public.emptied",
        "public.unlogged",
        "public.\"Drop \"\"me\"\"; --\"",
        "public.parent",
        "public.by_function",
        "public.kept",
    ];
    let lake = Lake::create();
    let mut request = request(&database.url(), &lake, &tables);
    for jobs in [1, 2] {
        request.jobs = jobs;
        let manifest = export(&request, || at(u32::try_from(jobs).unwrap()), &|_| ())
            .await
            .unwrap();
        for (number, table) in tables.iter().enumerate() {
            let mut expected = printed(&client, &format!("select * from {table}")).await;
            expected.sort();
            assert!(rows(&lake, &manifest, number) == expected, "{table}");
        }
        let names = manifest.tables[6]
            .columns
            .iter()
            .map(|column| column.name.as_str());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["select", "a\"b", "Ї ї", "line\nbreak", "$1", " "]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_of_rows_is_refused_by_name() {
    let database = postgres::Database::create("no_tables").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create table public.bare ();
             create table public.stripped (id integer); insert into public.stripped values (1);
             alter table public.stripped drop column id;
             create sequence public.counter;
             create type public.pair as (a integer, b integer);
             create temporary table mine (id integer); insert into mine values (1);",
        )
        .await
        .unwrap();
    let temporary = printed(
        &client,
        "select nspname from pg_class c join pg_namespace n on n.oid = relnamespace where relname = 'mine'",
    )
    .await;
    let temporary = format!("{}.mine", temporary[0][0].as_ref().unwrap());
    for (table, exit, words) in [
        ("public.bare", Exit::Usage, "`public.bare` has no column"),
        (
            "public.stripped",
            Exit::Usage,
            "`public.stripped` has no column",
        ),
        ("public.counter", Exit::Usage, "no table `public.counter`"),
        ("public.pair", Exit::Usage, "no table `public.pair`"),
        (
            &temporary,
            Exit::Store,
            "temporary tables of other sessions",
        ),
    ] {
        let lake = Lake::create();
        let (found, text) = failure(run(&request(&database.url(), &lake, &[table])).await);
        assert_eq!(found, exit, "{text}");
        assert!(text.contains(words), "{text}");
        assert!(lake.files().is_empty(), "{:?}", lake.files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_exports_what_it_may_read_and_nothing_else() {
    let database = postgres::Database::create("grants").await;
    let client = database.client().await;
    client.batch_execute(GRANTS).await.unwrap();
    let url = database.url().replace("postgres@", "grants_reader@");
    let lake = Lake::create();
    for table in ["shut.t", "public.closed", "public.some"] {
        let (exit, text) = failure(run(&request(&url, &lake, &["public.apart", table])).await);
        assert_eq!(exit, Exit::Store, "{text}");
        let (schema, name) = table.split_once('.').unwrap();
        let names_it = text.contains(&format!("permission denied for table {name}"))
            || text.contains(&format!("permission denied for schema {schema}"));
        assert!(names_it, "{text}");
        assert!(text.contains("hint: the role needs"), "{text}");
        assert!(lake.finished_files().is_empty(), "{:?}", lake.files());
    }
    let mut request = request(
        &url,
        &lake,
        &[
            "public.some",
            "public.of_closed",
            "public.apart",
            "public.rows",
        ],
    );
    let columns = Some(vec!["n".to_owned(), "id".to_owned()]);
    request.selections = BTreeMap::from([(
        "public.some".to_owned(),
        Selection {
            columns,
            condition: None,
        },
    )]);
    request.jobs = 2;
    let manifest = run(&request).await.unwrap();
    let own = |text: &str| Some(text.to_owned());
    assert_eq!(
        rows(&lake, &manifest, 0),
        [[own("10"), own("1")], [own("20"), own("2")]]
    );
    assert_eq!(rows(&lake, &manifest, 1), Vec::<Vec<Option<String>>>::new());
    assert_eq!(rows(&lake, &manifest, 2), [[own("1"), own("2")]]);
    // As in every query of the role, policies say which rows there are.
    assert_eq!(manifest.tables[3].rows, 1000);
    assert!(
        rows(&lake, &manifest, 3)
            .iter()
            .all(|row| row[1] == own("grants_reader"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_tables_are_exported() {
    let database = postgres::Database::create("abroad").await;
    let client = database.client().await;
    let known =
        "select name from pg_available_extensions where name in ('file_fdw', 'postgres_fdw')";
    if printed(&client, known).await.len() < 2 {
        println!("postgresql-contrib is not installed: not tried");
        return;
    }
    let folder = postgres::new_folder("touchpath-foreign-");
    let file = folder.join("rows.csv");
    std::fs::write(&file, "1,one\n2,\"two, too\"\n").unwrap();
    postgres::give_to_postgres(&file);
    let url = url::Url::parse(&database.url()).unwrap();
    client
        .batch_execute(&format!(
            "create extension file_fdw; create extension postgres_fdw;
             create server files foreign data wrapper file_fdw;
             create foreign table public.rows (id integer, name text) server files \
                 options (filename '{}', format 'csv');
             create table public.here as select id, md5(id::text) as hash from generate_series(1, 3000) as id;
             create server there foreign data wrapper postgres_fdw \
                 options (host '127.0.0.1', port '{}', dbname 'abroad');
             create user mapping for current_user server there options (user 'postgres');
             create foreign table public.there (id integer, hash text) server there \
                 options (schema_name 'public', table_name 'here');",
            file.display(),
            url.port().unwrap(),
        ))
        .await
        .unwrap();
    let lake = Lake::create();
    let tables = ["public.rows", "public.there"];
    let manifest = run(&request(&database.url(), &lake, &tables))
        .await
        .unwrap();
    for (number, table) in tables.iter().enumerate() {
        let mut expected = printed(&client, &format!("select * from {table}")).await;
        expected.sort();
        assert!(rows(&lake, &manifest, number) == expected, "{table}");
    }
    // A foreign table whose file is gone is refused by what the server says.
    std::fs::remove_dir_all(&folder).unwrap();
    let (exit, text) =
        failure(run(&request(&database.url(), &Lake::create(), &["public.rows"])).await);
    assert_eq!(exit, Exit::Store);
    assert!(text.contains("could not open file"), "{text}");
}
