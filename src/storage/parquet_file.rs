//! Writes one Parquet file from record batches of any size.
//!
//! In: batches of one schema, in the order in which they shall stand. Out: one complete
//! file under its final name, or nothing. The same rows give the same bytes however they
//! were cut into batches: they are re-cut to one size before they reach the encoder,
//! because the encoder ends pages at batch borders.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use object_store::buffered::BufWriter;
use parquet::arrow::AsyncArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::logical::parquet_schema;
use super::recut::Recut;
use crate::storage::{Location, StorageError};

/// What shapes a file beside its rows.
#[derive(Debug, Clone, Copy)]
pub struct WriteSettings {
    /// Rows of a row group at most.
    pub row_group_rows: usize,
    /// zstd level 1 to 22.
    pub zstd_level: i32,
}

impl Default for WriteSettings {
    fn default() -> Self {
        // Level 1: half the processor time of level 3 for a twentieth more bytes on CRM
        // tables; a million rows is what readers split work by.
        Self {
            row_group_rows: 1_048_576,
            zstd_level: 1,
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSummary {
    /// Rows in the file.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Passes the file's bytes on to the store and hashes them on the way.
struct HashedSink {
    store: BufWriter,
    hash: Sha256,
}

impl AsyncFileWriter for HashedSink {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), ParquetError>> {
        self.hash.update(&bytes);
        AsyncFileWriter::write(&mut self.store, bytes)
    }

    fn complete(&mut self) -> BoxFuture<'_, Result<(), ParquetError>> {
        AsyncFileWriter::complete(&mut self.store)
    }
}

/// A Parquet file being written; without [`ParquetFile::finish`] it never appears.
pub struct ParquetFile {
    writer: AsyncArrowWriter<HashedSink>,
    recut: Recut,
    object: String,
    rows: u64,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetFile")
            .field("object", &self.object)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Starts the file at `path` below `location`.
    ///
    /// # Errors
    /// [`StorageError::Parquet`] when the schema has no Parquet form.
    pub fn create(
        location: &Location,
        path: &str,
        schema: &SchemaRef,
        settings: WriteSettings,
    ) -> Result<Self, StorageError> {
        let object = location.describe(path);
        let level =
            ZstdLevel::try_new(settings.zstd_level).map_err(|source| StorageError::Parquet {
                object: object.clone(),
                source,
            })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(settings.row_group_rows))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(concat!("touchpath ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let sink = HashedSink {
            store: BufWriter::new(Arc::clone(location.store()), location.object_path(path)),
            hash: Sha256::new(),
        };
        let failure = |source| StorageError::Parquet {
            object: object.clone(),
            source,
        };
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_parquet_schema(parquet_schema(schema).map_err(failure)?);
        let writer = AsyncArrowWriter::try_new_with_options(sink, Arc::clone(schema), options)
            .map_err(failure)?;
        Ok(Self {
            writer,
            recut: Recut::new(Arc::clone(schema)),
            object,
            rows: 0,
        })
    }

    /// Rows given so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends the batch's rows.
    ///
    /// # Errors
    /// [`StorageError::Parquet`] when encoding or the store fails.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<(), StorageError> {
        self.rows += batch.num_rows() as u64;
        self.recut
            .push(batch)
            .map_err(|source| self.arrow_failure(source))?;
        self.drain().await
    }

    async fn drain(&mut self) -> Result<(), StorageError> {
        while let Some(ready) = self.recut.next() {
            self.writer
                .write(&ready)
                .await
                .map_err(|source| self.parquet_failure(source))?;
        }
        Ok(())
    }

    /// Writes the footer; only now does the file appear under its name.
    ///
    /// # Errors
    /// [`StorageError::Parquet`] when encoding or the store fails; no file appears then.
    pub async fn finish(mut self) -> Result<FileSummary, StorageError> {
        self.recut
            .finish()
            .map_err(|source| self.arrow_failure(source))?;
        self.drain().await?;
        self.writer
            .finish()
            .await
            .map_err(|source| self.parquet_failure(source))?;
        let bytes = self.writer.bytes_written() as u64;
        Ok(FileSummary {
            rows: self.rows,
            bytes,
            sha256: format!("{:x}", self.writer.into_inner().hash.finalize()),
        })
    }

    /// Gives the file up and removes what was staged for it.
    ///
    /// # Errors
    /// [`StorageError::Store`] when the staged part cannot be removed.
    pub async fn abort(self) -> Result<(), StorageError> {
        let object = self.object.clone();
        let mut sink = self.writer.into_inner();
        sink.store
            .abort()
            .await
            .map_err(|source| StorageError::Store {
                action: "abandon",
                object,
                source,
            })
    }

    fn parquet_failure(&self, source: ParquetError) -> StorageError {
        StorageError::Parquet {
            object: self.object.clone(),
            source,
        }
    }

    fn arrow_failure(&self, source: arrow::error::ArrowError) -> StorageError {
        StorageError::Arrow {
            object: self.object.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch, StringArray};

    use super::*;
    use crate::storage::StoreOptions;

    fn rows(count: i64) -> RecordBatch {
        let ids = Int64Array::from_iter_values(0..count);
        let name = |id: i64| (id % 3 > 0).then(|| format!("name {}", id % 17));
        let names: StringArray = (0..count).map(name).collect();
        RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("name", Arc::new(names) as _)])
            .unwrap()
    }

    async fn bytes_of(cut: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let all = rows(20_000);
        let mut file = ParquetFile::create(
            &location,
            "t/part.parquet",
            &all.schema(),
            WriteSettings::default(),
        )
        .unwrap();
        for start in (0..all.num_rows()).step_by(cut) {
            let batch = all.slice(start, cut.min(all.num_rows() - start));
            file.write(batch).await.unwrap();
        }
        let summary = file.finish().await.unwrap();
        assert_eq!(summary.rows, 20_000);
        let bytes = std::fs::read(folder.path().join("t/part.parquet")).unwrap();
        assert_eq!(summary.bytes, bytes.len() as u64);
        bytes
    }

    #[tokio::test]
    async fn the_cut_into_batches_leaves_no_trace() {
        let whole = bytes_of(20_000).await;
        assert_eq!(bytes_of(7).await, whole);
        assert_eq!(bytes_of(8192).await, whole);
    }

    #[tokio::test]
    async fn an_unfinished_file_never_appears() {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let batch = rows(10);
        let mut file = ParquetFile::create(
            &location,
            "part.parquet",
            &batch.schema(),
            WriteSettings::default(),
        )
        .unwrap();
        file.write(batch).await.unwrap();
        file.abort().await.unwrap();
        assert!(location.list("").await.unwrap().is_empty());
    }
}
