//! Random tables of random types and values: what lands is what Postgres prints.

use std::fmt::Write;

use super::super::{Lake, at, failure, printed, request};
use super::random::{Table, identifier, random_table};
use super::read_back::{Column, PRINTING, read_back};
use crate::postgres;

/// Tables that the property is tried on; more with `TOUCHPATH_CASES`.
const CASES: usize = 500;
/// Tables exported at once: each takes a lock.
const AT_ONCE: usize = 100;
const SEED: u64 = 20_251_125;

/// What Postgres prints of the table.
async fn expected(client: &tokio_postgres::Client, table: &Table) -> Vec<Column> {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|(name, _)| identifier(name))
        .collect();
    let sql = format!(
        "select {} from {} order by id",
        names.join(", "),
        table.name
    );
    let rows = printed(client, &sql).await;
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(index, (name, kind))| Column {
            name: name.clone(),
            values: rows.iter().map(|row| row[index].clone()).collect(),
            is_multirange: kind.is_multirange(),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn random_tables_land_as_postgres_prints_them() {
    let cases = std::env::var_os("TOUCHPATH_CASES");
    let cases = cases.map_or(CASES, |cases| cases.to_str().unwrap().parse().unwrap());
    let database = postgres::Database::create("random_tables").await;
    let client = database.client().await;
    client.batch_execute("create schema p").await.unwrap();
    client.batch_execute(PRINTING).await.unwrap();
    let seeds: Vec<u64> = (SEED..).take(cases).collect();
    let lake = Lake::create();
    let (mut files, mut tables) = (Vec::new(), Vec::new());
    for seeds in seeds.chunks(AT_ONCE) {
        let some: Vec<Table> = seeds.iter().map(|seed| random_table(*seed)).collect();
        for table in &some {
            client
                .batch_execute(&table.sql)
                .await
                .unwrap_or_else(|error| panic!("{}\n{}", table.sql, error.as_db_error().unwrap()));
        }
        let names: Vec<&str> = some.iter().map(|table| table.name.as_str()).collect();
        let request = request(&database.url(), &lake, &names);
        let outcome = touchpath::export::export(
            &request,
            || at(u32::try_from(files.len() / AT_ONCE % 60).unwrap()),
            &|_| (),
        )
        .await;
        let manifest = outcome.unwrap_or_else(|error| panic!("{}", failure(Err(error)).1));
        for (table, exported) in some.iter().zip(&manifest.tables) {
            let columns = expected(&client, table).await;
            files.push((lake.file(&exported.parts[0].path), columns));
        }
        tables.extend(some);
    }
    let found = read_back(&lake.file(""), &files);
    let mut failures = String::new();
    for (table, found) in tables.iter().zip(found) {
        if let Some(first) = found.differences.first() {
            let first: String = first.chars().take(500).collect();
            let sql: String = table.sql.chars().take(1500).collect();
            writeln!(failures, "{first}\n{sql}").unwrap();
        }
    }
    let failures: String = failures.chars().take(6000).collect();
    assert!(failures.is_empty(), "{failures}");
}
