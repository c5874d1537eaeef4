//! What readers see of a table with increments, and what folding leaves, on lakes made by hand.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use touchpath::engine::{Engine, EngineOptions};
use touchpath::error::{Exit, Failure};
use touchpath::lake::compact::{CompactError, Folded, compact, tables};
use touchpath::lake::exports::{
    self, ExportManifest, ExportedColumn, ExportedPart, ExportedTable, PartContent, export_id,
};
use touchpath::lake::scan;
use touchpath::platform::RuleSet;
use touchpath::storage::{Location, ParquetFile, WriteSettings};

use super::{Lake, at};

/// The rows of a query that reads no table; every column may be null, as in exports.
async fn rows_of(query: &str) -> RecordBatch {
    let frame = SessionContext::new().sql(query).await.unwrap();
    let fields = frame.schema().fields().iter();
    let fields: Vec<Field> = fields
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batches = frame.collect().await.unwrap();
    let Some(first) = batches.first() else {
        return RecordBatch::new_empty(schema);
    };
    let batch = arrow::compute::concat_batches(&first.schema(), &batches).unwrap();
    RecordBatch::try_new(schema, batch.columns().to_vec()).unwrap()
}

async fn engine(lake: &Location) -> Result<Engine, Failure> {
    let options = EngineOptions {
        threads: 2,
        memory_bytes: 256 << 20,
        batch_size: 8192,
        time_zone: "UTC".to_owned(),
        rules: Arc::new(RuleSet::builtin("v10").unwrap()),
    };
    Ok(Engine::open(lake, &options).await?)
}

/// The rows of a query over a lake, a line each.
pub(super) async fn query(lake: &Location, sql: &str) -> Vec<String> {
    let engine = engine(lake).await.unwrap();
    let batches = engine
        .context()
        .sql(sql)
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let options = FormatOptions::default().with_null("null");
    let mut lines = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        lines.extend((0..batch.num_rows()).map(|row| {
            let row: Vec<String> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            row.join(" ")
        }));
    }
    lines
}

/// A table in a lake, built up export by export.
struct Table {
    lake: Lake,
    exported: ExportedTable,
    /// The second of the newest export.
    second: u32,
}

impl Table {
    /// `raw.t`, exported whole at second 1.
    async fn create(key: &[&str], base: &str) -> Self {
        let columns = rows_of(base).await.schema();
        let columns = columns.fields().iter().map(|field| ExportedColumn {
            name: field.name().clone(),
            postgres: String::new(),
            arrow: field.data_type().to_string(),
        });
        let mut table = Self {
            lake: Lake::create(),
            exported: ExportedTable {
                table: "raw.t".to_owned(),
                folder: "raw/t".to_owned(),
                selection: None,
                rows: 0,
                bytes: 0,
                key: key.iter().map(|key| (*key).to_owned()).collect(),
                ordered_by: Vec::new(),
                columns: columns.collect(),
                absent: Vec::new(),
                left_out: Vec::new(),
                contacts: Vec::new(),
                parts: Vec::new(),
                removed: Vec::new(),
                stood: 0,
                increment: None,
            },
            second: 0,
        };
        table.export(base, "").await;
        table
    }

    /// Adds an export: rows, and keys that are gone; either may be empty.
    async fn export(&mut self, rows: &str, deleted: &str) {
        let generation = self.second;
        self.second += 1;
        let name = exports::part_name(&export_id(at(self.second)), 0);
        for (query, content) in [
            (rows, PartContent::Rows),
            (deleted, PartContent::DeletedKeys),
        ] {
            let folder = match (generation, content) {
                (0, _) => "raw/t",
                (_, PartContent::Rows) => "raw/t/_increments",
                (_, PartContent::DeletedKeys) => "raw/t/_deleted",
            };
            if !query.is_empty() {
                let path = format!("{folder}/{name}");
                let batch = rows_of(query).await;
                let location = &self.lake.location;
                let settings = WriteSettings::default();
                let mut file =
                    ParquetFile::create(location, &path, &batch.schema(), settings).unwrap();
                file.write(batch).await.unwrap();
                let summary = file.finish().await.unwrap();
                if content == PartContent::Rows {
                    self.exported.rows += summary.rows;
                }
                self.exported.parts.push(ExportedPart {
                    path,
                    rows: summary.rows,
                    bytes: summary.bytes,
                    sha256: summary.sha256,
                    snapshot: format!("{generation}:{generation}:"),
                    pages: None,
                    key_range: None,
                    not_finite: std::collections::BTreeMap::new(),
                    forgotten: 0,
                    generation,
                    content,
                });
            }
        }
        self.publish(self.second).await;
    }

    async fn publish(&self, second: u32) {
        let manifest = ExportManifest {
            export: export_id(at(second)),
            database: "reader@127.0.0.1:5432/crm".to_owned(),
            server_version: "15.18".to_owned(),
            snapshot: String::new(),
            is_one_snapshot: true,
            started_at: at(second),
            finished_at: at(second),
            tables: vec![self.exported.clone()],
        };
        exports::write(&self.lake.location, &manifest)
            .await
            .unwrap();
    }

    async fn query(&self, sql: &str) -> Vec<String> {
        query(&self.lake.location, sql).await
    }

    async fn fold_at(&self, second: u32) -> Result<Folded, CompactError> {
        let session = scan::session(256 << 20, 2).unwrap();
        compact(&session, &self.lake.location, "raw.t", || at(second)).await
    }
}

/// Three exports: 1 stays; 2 is changed twice; 3 is deleted; 4 is deleted and comes back; 5 comes
/// and is deleted; 6 comes.
async fn changed() -> Table {
    let mut table = Table::create(
        &["id"],
        "select column1 as id, column2 as name from (values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'))",
    )
    .await;
    table
        .export(
            "select column1 as id, column2 as name from (values (2, 'b2'), (5, 'e'))",
            "select column1 as id from (values (3), (4))",
        )
        .await;
    table
        .export(
            "select column1 as id, column2 as name from (values (6, 'f'), (4, 'd3'), (2, 'b3'))",
            "select 5 as id",
        )
        .await;
    table
}

const LATEST: [&str; 4] = ["1 a", "2 b3", "4 d3", "6 f"];

#[tokio::test]
async fn the_latest_row_of_each_key_is_the_table() {
    let table = changed().await;
    assert_eq!(table.query("select * from raw.t order by id").await, LATEST);
    // Conditions apply to what the table is, not to what it was.
    let none: [&str; 0] = [];
    assert_eq!(
        table
            .query("select id from raw.t where name in ('b', 'b2', 'c', 'e')")
            .await,
        none
    );
    assert_eq!(
        table
            .query("select count(*) from raw.t where id >= 2")
            .await,
        ["3"]
    );
}

#[tokio::test]
async fn an_export_of_deletions_alone_and_one_without_any_change_are_read() {
    let mut table = changed().await;
    table.export("", "select 1 as id").await;
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        LATEST[1..]
    );
    table
        .export("select 1 as id, 'a' as name where false", "")
        .await;
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        LATEST[1..]
    );
    let folded = table.fold_at(50).await.unwrap();
    assert_eq!((folded.increments, folded.rows), (4, 3));
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        LATEST[1..]
    );
}

#[tokio::test]
async fn an_added_column_is_null_before_and_a_widened_one_is_cast() {
    let mut table = Table::create(
        &["id"],
        "select arrow_cast(column1, 'Int16') as id, arrow_cast(column2, 'Float32') as share,
                arrow_cast(column3, 'Decimal128(5, 2)') as amount
         from (values (1, 0.5, 1.25), (2, 0.25, 2.5))",
    )
    .await;
    table
        .export(
            "select arrow_cast(2, 'Int32') as id, arrow_cast(0.125, 'Float32') as share,
                    arrow_cast(7.75, 'Decimal128(5, 2)') as amount, 'two' as name",
            "",
        )
        .await;
    table
        .export(
            "select arrow_cast(3, 'Int64') as id, arrow_cast(0.1, 'Float64') as share,
                    arrow_cast(100000.125, 'Decimal128(12, 3)') as amount, 'three' as name",
            "select arrow_cast(1, 'Int64') as id where false",
        )
        .await;
    let expected = [
        "1 0.5 1.250 null",
        "2 0.125 7.750 two",
        "3 0.1 100000.125 three",
    ];
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        expected
    );
    let types =
        "select arrow_typeof(id), arrow_typeof(share), arrow_typeof(amount) from raw.t limit 1";
    let typed = ["Int64 Float64 Decimal128(12, 3)"];
    assert_eq!(table.query(types).await, typed);
    table.fold_at(50).await.unwrap();
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        expected
    );
    assert_eq!(table.query(types).await, typed);
}

#[tokio::test]
async fn keys_of_several_columns_texts_and_names_of_any_spelling() {
    let mut table = Table::create(
        &["Day.of", "the \"action\""],
        r#"select column1 as "Day.of", column2 as "the ""action""", column3 as "Value"
           from (values (date '2025-01-01', 'click', 1), (date '2025-01-01', 'Click', 2),
                        (date '2025-01-02', 'click', 3), (date '2025-01-02', '', 4))"#,
    )
    .await;
    table
        .export(
            r#"select date '2025-01-02' as "Day.of", 'click' as "the ""action""", 30 as "Value""#,
            r#"select date '2025-01-01' as "Day.of", 'Click' as "the ""action""""#,
        )
        .await;
    let all = r#"select * from raw.t order by "Value""#;
    let expected = ["2025-01-01 click 1", "2025-01-02  4", "2025-01-02 click 30"];
    assert_eq!(table.query(all).await, expected);
    table.fold_at(50).await.unwrap();
    assert_eq!(table.query(all).await, expected);
}

#[tokio::test]
async fn files_that_no_export_wrote_count_as_rows_from_before_the_increments() {
    let table = changed().await;
    let batch = rows_of("select column1 as id, column2 as name from (values (2, 'old'), (9, 'i'))");
    let (batch, settings) = (batch.await, WriteSettings::default());
    let path = "raw/t/by hand.parquet";
    let mut file =
        ParquetFile::create(&table.lake.location, path, &batch.schema(), settings).unwrap();
    file.write(batch).await.unwrap();
    file.finish().await.unwrap();
    let expected = [&LATEST[..], &["9 i"]].concat();
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        expected
    );
    table.fold_at(50).await.unwrap();
    assert_eq!(
        table.query("select * from raw.t order by id").await,
        expected
    );
    assert!(!table.lake.file(path).exists());
}

#[tokio::test]
async fn a_missing_increment_stops_readers_by_name() {
    for content in [PartContent::Rows, PartContent::DeletedKeys] {
        let table = changed().await;
        let of_increments = table.exported.parts.iter().skip(1);
        let part = of_increments
            .clone()
            .find(|part| part.content == content)
            .unwrap();
        std::fs::remove_file(table.lake.file(&part.path)).unwrap();
        let failure = engine(&table.lake.location).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Store);
        assert!(failure.message.contains(&part.path), "{failure}");
    }
}

/// The table's files, by name, without the manifests.
fn parquet(table: &Table) -> Vec<String> {
    let files = table.lake.files().into_iter();
    files.filter(|file| file.ends_with(".parquet")).collect()
}

#[tokio::test]
async fn folding_leaves_the_bytes_of_a_whole_export() {
    let table = changed().await;
    let folded = table.fold_at(50).await.unwrap();
    let path = format!("raw/t/{}", exports::part_name(&export_id(at(50)), 0));
    assert_eq!(parquet(&table), [path.as_str()]);
    let whole = Table::create(
        &["id"],
        "select column1 as id, column2 as name
         from (values (1, 'a'), (2, 'b3'), (4, 'd3'), (6, 'f'))",
    )
    .await;
    let bytes = std::fs::read(table.lake.file(&path)).unwrap();
    let expected = std::fs::read(whole.lake.file(&whole.exported.parts[0].path)).unwrap();
    assert!(
        bytes == expected,
        "the folded file is not that of a whole export"
    );
    assert_eq!(
        folded,
        Folded {
            table: "raw.t".to_owned(),
            increments: 2,
            // Four rows, then two, then three.
            rows_before: 9,
            rows: 4,
            bytes: bytes.len() as u64,
        }
    );
    let (export, newest) = exports::newest(&table.lake.location).await.unwrap()["raw/t"].clone();
    assert_eq!(export, export_id(at(50)));
    assert_eq!(newest.ordered_by, ["id"]);
    assert_eq!(newest.parts[0].sha256, whole.exported.parts[0].sha256);
    assert_eq!(newest.parts[0].snapshot, "2:2:");
    assert_eq!(newest.removed.len(), 5);
    // A second time there is nothing to do.
    let again = table.fold_at(51).await.unwrap();
    assert_eq!((again.increments, again.rows), (0, 4));
    assert_eq!(parquet(&table), [path]);
    assert_eq!(exports::list(&table.lake.location).await.unwrap().len(), 4);
}

/// Twenty thousand keys, of which every third is changed and every seventh deleted, in two
/// increments; wide enough that little memory makes the sort spill.
async fn large() -> Table {
    let rows = |modulus: u32, name: &str| {
        format!(
            "select value as id, concat(repeat('{name}', 400), value) as name
             from generate_series(1, 20000) where value % {modulus} = 0"
        )
    };
    let mut table = Table::create(&["id"], &rows(1, "a")).await;
    let deleted = "select value as id from generate_series(1, 20000) where value % 7 = 0";
    table.export(&rows(3, "b"), deleted).await;
    table.export(&rows(21, "c"), "").await;
    table
}

#[tokio::test]
async fn memory_and_threads_change_no_byte_of_a_folded_table() {
    let mut files = Vec::new();
    for (memory, threads) in [(1 << 30, 1), (1 << 30, 4), (24 << 20, 2)] {
        let table = large().await;
        let session = scan::session(memory, threads).unwrap();
        let now = || at(50);
        compact(&session, &table.lake.location, "raw.t", now)
            .await
            .unwrap();
        // 20000 − 2857 deleted + 952 of them that came back.
        assert_eq!(table.query("select count(*) from raw.t").await, ["18095"]);
        let by_letter =
            "select substr(name, 1, 1), count(*), sum(id) from raw.t group by 1 order by 1";
        // Multiples of 21 are c. Other multiples of 3 are b unless of 7: 6666 − 952.
        let letters = table.query(by_letter).await;
        assert!(letters[1].starts_with("b 5714 "), "{letters:?}");
        assert!(letters[2].starts_with("c 952 "), "{letters:?}");
        files.push(std::fs::read(table.lake.file(&parquet(&table)[0])).unwrap());
    }
    assert!(files[0] == files[1] && files[1] == files[2]);
}

#[tokio::test]
async fn a_kill_before_the_manifest_leaves_the_old_table() {
    let table = changed().await;
    let manifest = format!("_exports/{}.json", export_id(at(50)));
    let before = parquet(&table);
    table.fold_at(50).await.unwrap();
    // As it was before the commit: the new file is there, the old ones still are.
    let old = changed().await;
    for path in &before {
        let copy = table.lake.file(path);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(old.lake.file(path), copy).unwrap();
    }
    std::fs::remove_file(table.lake.file(&manifest)).unwrap();
    assert_eq!(table.query("select * from raw.t order by id").await, LATEST);
    let parts = exports::newest(&table.lake.location).await.unwrap();
    assert_eq!(parts["raw/t"].0, export_id(at(3)));
    // The next folding goes through.
    let folded = table.fold_at(51).await.unwrap();
    assert_eq!((folded.increments, folded.rows), (2, 4));
    assert_eq!(table.query("select * from raw.t order by id").await, LATEST);
}

#[tokio::test]
async fn a_kill_after_the_manifest_leaves_the_new_table_and_the_next_folding_tidies_up() {
    let table = changed().await;
    let before = parquet(&table);
    table.fold_at(50).await.unwrap();
    let after = parquet(&table);
    let old = changed().await;
    for path in &before {
        std::fs::copy(old.lake.file(path), table.lake.file(path)).unwrap();
    }
    assert_eq!(table.query("select * from raw.t order by id").await, LATEST);
    assert_eq!(table.fold_at(51).await.unwrap().increments, 0);
    assert_eq!(parquet(&table), after);
}

#[tokio::test]
async fn folding_gives_way_to_an_export_that_was_published_in_the_meantime() {
    let table = changed().await;
    let session = scan::session(256 << 20, 2).unwrap();
    let before = parquet(&table);
    // The clock is asked for the end just before the commit.
    let asked = std::sync::atomic::AtomicU32::new(0);
    let now = || {
        if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    tokio::runtime::Runtime::new()
                        .unwrap()
                        .block_on(table.publish(51));
                });
            });
        }
        at(50)
    };
    let error = compact(&session, &table.lake.location, "raw.t", now)
        .await
        .unwrap_err();
    assert!(matches!(error, CompactError::Overtaken { .. }), "{error}");
    assert_eq!(parquet(&table), before);
    assert_eq!(table.query("select * from raw.t order by id").await, LATEST);
}

#[tokio::test]
async fn a_clock_before_the_newest_export_and_a_table_of_no_export_are_refused() {
    let table = changed().await;
    let error = table.fold_at(2).await.unwrap_err();
    assert!(matches!(error, CompactError::Clock { .. }), "{error}");
    let all = tables(&table.lake.location, &[]).await.unwrap();
    assert_eq!(all, ["raw.t"]);
    let failure = tables(&table.lake.location, &["raw.tt".to_owned()]).await;
    let failure = Failure::from(failure.unwrap_err());
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(failure.hint.unwrap(), "did you mean `raw.t`?");
}
