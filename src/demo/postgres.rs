//! Loads the synthetic lake into a Postgres database.
//!
//! In: a [`DemoLake`] and a connection. Out: schemas `raw` and `stg` with the warehouse's
//! column types, and the rows of the Parquet lake in them; all in one transaction, so a
//! failure leaves nothing.

use arrow::csv::WriterBuilder;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::{NoTls, Transaction};

use super::{DemoError, DemoLake, DemoSummary, lake};
use crate::schema::{TABLES, Table};

/// What a null is in the copy stream; no text of ours is that.
const NULL: &str = "\\N";

/// Creates the tables in the database of `url` and fills them.
///
/// # Errors
/// [`DemoError::TableExists`] when one of the tables is there; nothing is dropped.
/// [`DemoError::Connect`] and [`DemoError::Database`] when the database fails.
pub async fn load_postgres(lake: DemoLake, url: &str) -> Result<DemoSummary, DemoError> {
    // Without TLS: demo data carry no secret, and the usual target is the same machine.
    let (mut client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .map_err(|source| DemoError::Connect { source })?;
    let driver = tokio::spawn(connection);
    let loaded = load(lake, &mut client).await;
    drop(client);
    // The connection's own failure has reached the statement that it cut off.
    drop(driver.await?);
    loaded
}

async fn load(
    lake: DemoLake,
    client: &mut tokio_postgres::Client,
) -> Result<DemoSummary, DemoError> {
    let begin = refused("begin a transaction for", "synthetic lake");
    let transaction = client.transaction().await.map_err(begin)?;
    for table in TABLES {
        create(table, &transaction).await?;
    }
    let mut summary = DemoSummary {
        tables: TABLES.len(),
        ..DemoSummary::default()
    };
    let mut copies = lake::copies(lake);
    while let Some(copy) = copies.recv().await {
        for (table, batch) in copy? {
            summary.rows += batch.num_rows() as u64;
            summary.bytes += copy_in(table, &batch, &transaction).await?;
        }
    }
    transaction
        .commit()
        .await
        .map_err(refused("commit", "synthetic lake"))?;
    Ok(summary)
}

fn refused(
    action: &'static str,
    table: impl Into<String>,
) -> impl FnOnce(tokio_postgres::Error) -> DemoError {
    let table = table.into();
    move |source| DemoError::Database {
        action,
        table,
        source,
    }
}

async fn create(table: &Table, transaction: &Transaction<'_>) -> Result<(), DemoError> {
    let name = table.qualified();
    let found = transaction
        .query_one("select to_regclass($1) is not null", &[&name])
        .await
        .map_err(refused("look for", &name))?;
    if found.get(0) {
        return Err(DemoError::TableExists { table: name });
    }
    transaction
        .batch_execute(&ddl(table))
        .await
        .map_err(refused("create", name))
}

fn ddl(table: &Table) -> String {
    let columns = table
        .columns
        .iter()
        .map(|column| format!("\"{}\" {}", column.name, column.kind.postgres()));
    let key = table
        .unique
        .then(|| format!("primary key ({})", table.key.join(", ")));
    let body: Vec<String> = columns.chain(key).collect();
    format!(
        "create schema if not exists {}; create table {} ({})",
        table.schema,
        table.qualified(),
        body.join(", ")
    )
}

/// Sends one batch; returns the bytes sent.
async fn copy_in(
    table: &Table,
    batch: &RecordBatch,
    transaction: &Transaction<'_>,
) -> Result<u64, DemoError> {
    let name = table.qualified();
    let statement = format!("copy {name} from stdin (format csv, null '{NULL}')");
    let sink = transaction
        .copy_in::<_, Bytes>(&statement)
        .await
        .map_err(refused("load", &name))?;
    let text = csv(&name, batch)?;
    let bytes = text.len() as u64;
    let mut sink = Box::pin(sink);
    sink.send(Bytes::from(text))
        .await
        .map_err(refused("load", &name))?;
    sink.as_mut()
        .finish()
        .await
        .map_err(refused("load", &name))?;
    Ok(bytes)
}

/// The batch as Postgres reads CSV: arrow prints dates, times and decimals as it does.
fn csv(table: &str, batch: &RecordBatch) -> Result<Vec<u8>, DemoError> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_header(false)
        .with_null(NULL.to_owned())
        .build(&mut text);
    let written = writer.write(batch);
    drop(writer);
    written.map(|()| text).map_err(|source| DemoError::Layout {
        table: table.to_owned(),
        source,
    })
}
