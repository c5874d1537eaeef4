//! Reads one Parquet file of a location as a stream of record batches.
//!
//! In: a location and a path. Out: the file's schema and sizes at once, its rows batch by
//! batch, all columns or some; memory holds the row group's pages that a batch needs.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, TryFutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::storage::{Location, StorageError};

/// Rows of a batch that is read.
const BATCH_ROWS: usize = 8192;

/// A Parquet file, its footer read.
pub struct ParquetRows {
    builder: ParquetRecordBatchStreamBuilder<StoredFile>,
    object: String,
}

impl std::fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetRows")
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

impl ParquetRows {
    /// Reads the footer of the file at `path` below `location`.
    ///
    /// # Errors
    /// [`StorageError::Store`] when there is no such file, [`StorageError::Unreadable`] when
    /// it is not Parquet.
    pub async fn open(location: &Location, path: &str) -> Result<Self, StorageError> {
        let object = location.describe(path);
        let store = Arc::clone(location.store());
        let place = location.object_path(path);
        let size = store
            .head(&place)
            .await
            .map_err(|source| StorageError::Store {
                action: "read",
                object: object.clone(),
                source,
            })?
            .size;
        let file = StoredFile { store, place, size };
        let builder = ParquetRecordBatchStreamBuilder::new(file)
            .await
            .map_err(|source| StorageError::Unreadable {
                object: object.clone(),
                source,
            })?;
        Ok(Self { builder, object })
    }

    /// The file's columns.
    pub fn schema(&self) -> &SchemaRef {
        self.builder.schema()
    }

    /// Rows in the file.
    pub fn rows(&self) -> u64 {
        let groups = self.builder.metadata().row_groups().iter();
        groups
            .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
            .sum()
    }

    /// Rows of each row group but the last; `None` when there is only one.
    pub fn row_group_rows(&self) -> Option<usize> {
        match self.builder.metadata().row_groups() {
            [first, _, ..] => usize::try_from(first.num_rows()).ok(),
            _ => None,
        }
    }

    /// The rows in file order, of the columns named or of all.
    ///
    /// # Errors
    /// [`StorageError::Unreadable`] when the file cannot be decoded.
    pub fn stream(
        self,
        columns: Option<&[&str]>,
    ) -> Result<
        impl Stream<Item = Result<RecordBatch, StorageError>> + Send + Unpin + use<>,
        StorageError,
    > {
        let Self { builder, object } = self;
        let mask = match columns {
            Some(columns) => {
                ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied())
            }
            None => ProjectionMask::all(),
        };
        let stream = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|source| StorageError::Unreadable {
                object: object.clone(),
                source,
            })?;
        Ok(stream.map_err(move |source| StorageError::Unreadable {
            object: object.clone(),
            source,
        }))
    }
}

/// An object of a store as the decoder reads it.
struct StoredFile {
    store: Arc<dyn ObjectStore>,
    place: Path,
    size: u64,
}

fn external(source: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(source))
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store
            .get_range(&self.place, range)
            .map_err(external)
            .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move {
            let found = self.store.get_ranges(&self.place, &ranges).await;
            found.map_err(external)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            let metadata = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .load_and_finish(self, size)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}
