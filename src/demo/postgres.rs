//! Loads the synthetic lake into a Postgres database.
//!
//! In: a [`DemoLake`] and a connection. Out: schemas `raw` and `stg` with the warehouse's
//! column types, and the rows of the Parquet lake in them; all in one transaction, so a
//! failure leaves nothing.

use arrow::csv::WriterBuilder;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::SinkExt;
use tokio_postgres::{Client, Transaction};

use super::{DemoError, DemoLake, DemoSummary, lake};
use crate::schema::{TABLES, Table};

/// What a null is in the copy stream; no text of ours is that.
const NULL: &str = "\\N";

/// Creates the tables in the database and fills them. `done` hears after each copy how many
/// are loaded.
///
/// # Errors
/// [`DemoError::TableExists`] when one of the tables is there; nothing is dropped.
/// [`DemoError::Database`] when the database fails.
pub async fn load_postgres(
    lake: DemoLake,
    client: &mut Client,
    mut done: impl FnMut(u32),
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
    let (mut copies, maker) = lake::copies(lake);
    let mut loaded = 0;
    while let Some(copy) = copies.recv().await {
        for (table, batch) in copy? {
            summary.rows += batch.num_rows() as u64;
            summary.bytes += copy_in(table, &batch, &transaction).await?;
        }
        loaded += 1;
        done(loaded);
    }
    maker.await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{DOCS_CLIENTS, NEW_TYPES};

    #[test]
    fn unique_keys_become_primary_keys_and_others_do_not() {
        assert_eq!(
            ddl(&NEW_TYPES),
            "create schema if not exists raw; create table raw.itcrm_new_types \
             (\"id_type\" integer, \"types_descr\" text, \"load_timestamp\" timestamptz, \
             primary key (id_type))"
        );
        assert!(!ddl(&DOCS_CLIENTS).contains("primary key"));
    }

    #[test]
    fn nulls_and_blanks_stay_apart_on_the_wire() {
        use std::sync::Arc;

        use arrow::array::{ArrayRef, Date32Array, Decimal128Array, StringArray};

        let text: ArrayRef = Arc::new(StringArray::from(vec![
            None,
            Some(""),
            Some("  "),
            Some("a\"b,c"),
        ]));
        let date: ArrayRef = Arc::new(Date32Array::from(vec![Some(20_202), None, None, None]));
        let money = Decimal128Array::from(vec![Some(5), None, Some(123_450), Some(-1)]);
        let money: ArrayRef = Arc::new(money.with_precision_and_scale(12, 2).unwrap());
        let batch = RecordBatch::try_from_iter([("t", text), ("d", date), ("m", money)]).unwrap();
        let sent = String::from_utf8(csv("t", &batch).unwrap()).unwrap();
        // Worked by hand; Postgres reads an unquoted empty field as '' when null is \N.
        let expected = "\\N,2025-04-24,0.05\n,\\N,\\N\n  ,\\N,1234.50\n\"a\"\"b,c\",\\N,-0.01\n";
        assert_eq!(sent, expected);
    }
}
