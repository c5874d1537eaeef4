//! Tables that the contract knows: their columns and no others, and bytes as the demo writes them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Int64Type, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use touchpath::error::Exit;
use touchpath::export::{Database, UrlSource};
use touchpath::schema::{CRM_EVENTS, Table};
use touchpath::storage::{ParquetFile, WriteSettings};

use super::{Lake, export_at, failure, postgres};

fn ddl(table: &Table) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.kind.postgres()))
        .collect();
    format!(
        "create table {} ({}, primary key (id_source))",
        table.qualified(),
        columns.join(", ")
    )
}

/// Two events, in the contract's columns, with nullable fields.
fn two_events() -> RecordBatch {
    let fields: Vec<Field> = CRM_EVENTS
        .columns
        .iter()
        .map(|column| Field::new(column.name, column.kind.arrow(), true))
        .collect();
    let amounts = Decimal128Array::from(vec![Some(123_456_789_012), None]);
    // 2025-01-02 is day 20090 of 1970; 03:04:05.000006 is 11045000006 µs of it.
    let moments = vec![20_090 * 86_400_000_000 + 11_045_000_006, 0];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![-1, 7])),
        Arc::new(Int64Array::from(vec![Some(5), None])),
        Arc::new(TimestampMicrosecondArray::from(moments)),
        Arc::new(Int32Array::from(vec![None, Some(3)])),
        Arc::new(StringArray::from(vec![Some("Дзвінок"), Some("")])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(BooleanArray::from(vec![Some(false), None])),
        Arc::new(BooleanArray::from(vec![None::<bool>, None])),
        Arc::new(amounts.with_precision_and_scale(12, 2).unwrap()),
        Arc::new(Date32Array::from(vec![Some(20_090), None])),
        Arc::new(Int64Array::from(vec![None, Some(i64::MAX)])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_contract_lands_as_its_rows_written_directly() {
    let database = postgres::Database::create("contract").await;
    let client = database.client().await;
    client.batch_execute("create schema stg").await.unwrap();
    client.batch_execute(&ddl(&CRM_EVENTS)).await.unwrap();
    client
        .batch_execute(
            "alter table stg.crm_events alter client_id drop not null;
             insert into stg.crm_events values
             (7, null, '1970-01-01', 3, '', null, null, null, null, null, 9223372036854775807),
             (-1, 5, '2025-01-02 03:04:05.000006', null, 'Дзвінок', true, false, null,
              1234567890.12, '2025-01-02', null)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["stg.crm_events"])
        .await
        .unwrap();
    assert_eq!(manifest.tables[0].ordered_by, ["id_source"]);

    let rows = two_events();
    let mut direct = ParquetFile::create(
        &lake.location,
        "direct",
        &rows.schema(),
        WriteSettings::default(),
    )
    .unwrap();
    direct.write(rows).await.unwrap();
    direct.finish().await.unwrap();
    let exported = std::fs::read(lake.only_part("stg/crm_events")).unwrap();
    assert!(exported == std::fs::read(lake.file("direct")).unwrap());
}

/// The only batch of a small table's file.
fn exported(lake: &Lake, table: &str) -> RecordBatch {
    let path = lake.only_part(table);
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReader::try_new(file, 1024)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
}

fn names(batch: &RecordBatch) -> Vec<String> {
    batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_contract_gives_only_the_contracts_columns() {
    let database = postgres::Database::create("allow_list").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema raw;
             create table raw.itcrm_docs_clients (
                 passport text, currentdate date, contract_id bigint, id_source bigint,
                 total_cost_of_the_contract numeric(18,2));
             insert into raw.itcrm_docs_clients values
                 ('KM 123456', '2025-01-02', 9, 1, 10.00), ('KM 654321', null, 4, 2, 0)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["raw.itcrm_docs_clients"])
        .await
        .unwrap();
    let table = &manifest.tables[0];
    let rows = exported(&lake, "raw/itcrm_docs_clients");
    let columns = [
        "contract_id",
        "id_source",
        "currentdate",
        "total_cost_of_the_contract",
    ];
    assert_eq!(names(&rows), columns);
    // No primary key: the contract's key orders the rows.
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values(), &[4, 9]);
    assert_eq!(table.ordered_by, ["contract_id"]);
    assert_eq!(table.left_out, ["passport"]);
    assert_eq!(table.absent, [""; 0]);
    let described: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(described, columns);
    assert_eq!(table.columns[3].postgres, "numeric(18,2)");
    assert_eq!(table.columns[3].arrow, "Decimal128(18, 2)");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_column_that_the_database_lacks_is_absent_and_noted() {
    let database = postgres::Database::create("absent").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema stg;
             create table stg.source_attribution (
                 utm_source varchar(200), email text, id_source bigint primary key);
             insert into stg.source_attribution values ('a', 'b', 1)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let manifest = export_at(0, &database, &lake, &["stg.source_attribution"])
        .await
        .unwrap();
    let rows = exported(&lake, "stg/source_attribution");
    assert_eq!(names(&rows), ["id_source", "utm_source"]);
    assert_eq!(manifest.tables[0].left_out, ["email"]);
    let absent = [
        "source_type",
        "utm_medium",
        "utm_campaign",
        "utm_content",
        "utm_term",
    ];
    assert_eq!(
        manifest.tables[0].absent,
        [&absent[..], &["fbclid", "gclid"]].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_or_column_is_named_with_its_nearest() {
    let database = postgres::Database::create("missing").await;
    let client = database.client().await;
    client
        .batch_execute(
            "create schema stg; create table stg.crm_events (id_sorce bigint, client_id bigint)",
        )
        .await
        .unwrap();
    let lake = Lake::create();
    let database_name = Database::parse(&database.url(), UrlSource::Argument, None).unwrap();
    let missing = failure(export_at(0, &database, &lake, &["stg.crm_event"]).await);
    let text = format!(
        "error: `{database_name}` has no table `stg.crm_event`\n\nhint: did you mean `stg.crm_events`?"
    );
    assert_eq!(missing, (Exit::Usage, text));
    let missing = failure(export_at(0, &database, &lake, &["stg.crm_events"]).await);
    let text = "error: `stg.crm_events` has no column `id_source`, which a run needs; it has \
                `id_sorce`, `client_id`\n\nhint: did you mean `id_sorce`?";
    assert_eq!(missing, (Exit::Usage, text.to_owned()));
    assert_eq!(lake.files(), [""; 0]);
}
