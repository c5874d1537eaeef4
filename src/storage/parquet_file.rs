//! Writes one Parquet file from record batches of any size.
//!
//! In: batches of one schema, in the order in which they shall stand. Out: one complete
//! file under its final name, or nothing. The same rows give the same bytes however they
//! were cut into batches: `pieces` cuts them anew, and `encodings` chooses from the first
//! of them how each column is encoded. What memory holds is bounded whatever the table's
//! size: a row group being encoded, the last one on its way to the store, a few pieces.

use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::{Bytes, BytesMut};
use object_store::buffered::BufWriter;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::ZstdLevel;
use parquet::errors::ParquetError;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::encodings::{self, SAMPLE_ROWS};
use super::logical::parquet_schema;
use super::pieces::Pieces;
use crate::storage::{Location, StorageError};

/// Bytes after which a row group ends early: its encoded form waits in memory for its end.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// Bytes that the store takes at once; Amazon asks for at least 5 MiB and at most ten
/// thousand parts, so a file ends at 80 GiB.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way to the store.
const PARTS_IN_FLIGHT: usize = 2;
/// Bytes of a finished row group handed over at once.
const SEGMENT_BYTES: usize = 1 << 20;

/// What shapes a file beside its rows.
#[derive(Debug, Clone, Copy)]
pub struct WriteSettings {
    /// Rows of a row group at most; fewer when rows are wide.
    pub row_group_rows: usize,
    /// zstd level 1 to 22.
    pub zstd_level: i32,
}

impl Default for WriteSettings {
    fn default() -> Self {
        // Level 1: half the processor time of level 3 for a twentieth more bytes on CRM
        // tables. The row group is what readers split work by and what memory holds twice.
        Self {
            row_group_rows: 131_072,
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

/// A Parquet file being written; without [`ParquetFile::finish`] it never appears.
pub struct ParquetFile {
    schema: SchemaRef,
    settings: WriteSettings,
    level: ZstdLevel,
    pieces: Pieces,
    /// What the encoder has not yet been given.
    waiting: Vec<RecordBatch>,
    /// Begins when enough rows wait to choose the encodings from.
    encoder: Option<Box<ArrowWriter<Finished>>>,
    store: BufWriter,
    hash: Sha256,
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
        let store = BufWriter::with_capacity(
            Arc::clone(location.store()),
            location.object_path(path),
            PART_BYTES,
        );
        let mut file = Self {
            schema: Arc::clone(schema),
            settings,
            level,
            pieces: Pieces::new(Arc::clone(schema)),
            waiting: Vec::new(),
            encoder: None,
            store: store.with_max_concurrency(PARTS_IN_FLIGHT),
            hash: Sha256::new(),
            object,
            rows: 0,
        };
        // A schema without a Parquet form shall be known before the first row.
        drop(file.take_encoder()?);
        Ok(file)
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
        let pieces = self.pieces.push(&batch);
        self.waiting
            .extend(pieces.map_err(|source| self.arrow_failure(source))?);
        let waiting: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        if self.encoder.is_some() || waiting >= SAMPLE_ROWS {
            let mut encoder = self.take_encoder()?;
            self.encode(&mut encoder).await?;
            self.encoder = Some(encoder);
        }
        Ok(())
    }

    /// Writes the footer; only now does the file appear under its name.
    ///
    /// # Errors
    /// [`StorageError::Parquet`] when encoding or the store fails; no file appears then.
    pub async fn finish(mut self) -> Result<FileSummary, StorageError> {
        let last = self.pieces.take();
        self.waiting
            .extend(last.map_err(|source| self.arrow_failure(source))?);
        let mut encoder = self.take_encoder()?;
        self.encode(&mut encoder).await?;
        encoder
            .finish()
            .map_err(|source| self.parquet_failure(source))?;
        self.hand_over(encoder.inner_mut().take_all()).await?;
        let shut_down = self.store.shutdown().await;
        shut_down.map_err(|source| self.store_failure(source))?;
        Ok(FileSummary {
            rows: self.rows,
            bytes: encoder.bytes_written() as u64,
            sha256: format!("{:x}", self.hash.finalize()),
        })
    }

    /// Gives the file up and removes what was staged for it.
    ///
    /// # Errors
    /// [`StorageError::Store`] when the staged part cannot be removed.
    pub async fn abort(mut self) -> Result<(), StorageError> {
        let aborted = self.store.abort().await;
        aborted.map_err(|source| StorageError::Store {
            action: "abandon",
            object: self.object,
            source,
        })
    }

    /// The encoder, or a new one that suits the rows that wait.
    fn take_encoder(&mut self) -> Result<Box<ArrowWriter<Finished>>, StorageError> {
        if let Some(encoder) = self.encoder.take() {
            return Ok(encoder);
        }
        let properties = concat_batches(&self.schema, &self.waiting)
            .and_then(|sample| encodings::properties(self.settings, self.level, &sample))
            .map_err(|source| self.arrow_failure(source))?;
        let parquet = parquet_schema(&self.schema);
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_parquet_schema(parquet.map_err(|source| self.parquet_failure(source))?);
        let schema = Arc::clone(&self.schema);
        ArrowWriter::try_new_with_options(Finished::default(), schema, options)
            .map(Box::new)
            .map_err(|source| self.parquet_failure(source))
    }

    /// Encodes what waits and hands the store what is finished.
    async fn encode(&mut self, encoder: &mut ArrowWriter<Finished>) -> Result<(), StorageError> {
        for piece in std::mem::take(&mut self.waiting) {
            let mut encoded = encoder.write(&piece);
            if encoded.is_ok() && encoder.in_progress_size() >= ROW_GROUP_BYTES {
                encoded = encoder.flush();
            }
            encoded.map_err(|source| self.parquet_failure(source))?;
            self.hand_over(encoder.inner_mut().take_full()).await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self, finished: Vec<Bytes>) -> Result<(), StorageError> {
        for segment in finished {
            self.hash.update(&segment);
            let put = self.store.put(segment).await;
            put.map_err(|source| self.store_failure(source))?;
        }
        Ok(())
    }

    fn parquet_failure(&self, source: ParquetError) -> StorageError {
        StorageError::Parquet {
            object: self.object.clone(),
            source,
        }
    }

    fn store_failure(
        &self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> StorageError {
        self.parquet_failure(ParquetError::External(Box::new(source)))
    }

    fn arrow_failure(&self, source: ArrowError) -> StorageError {
        StorageError::Arrow {
            object: self.object.clone(),
            source,
        }
    }
}

/// What the encoder has finished, in segments, so that a row group's bytes are neither moved
/// when there are more of them nor copied on their way to the store.
#[derive(Default)]
struct Finished {
    full: Vec<Bytes>,
    last: BytesMut,
}

impl Finished {
    fn take_full(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.full)
    }

    /// At the file's end the last segment too.
    fn take_all(&mut self) -> Vec<Bytes> {
        let mut segments = self.take_full();
        segments.push(std::mem::take(&mut self.last).freeze());
        segments
    }
}

impl io::Write for Finished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.capacity() == 0 {
            self.last.reserve(SEGMENT_BYTES);
        }
        let (fitting, _) = bytes.split_at(bytes.len().min(self.last.capacity() - self.last.len()));
        self.last.extend_from_slice(fitting);
        if self.last.len() == self.last.capacity() {
            self.full.push(std::mem::take(&mut self.last).freeze());
        }
        Ok(fitting.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Int64Array, StringArray};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
    use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::storage::StoreOptions;

    /// An id that does not repeat, a name that does, a text that is wide here and there.
    fn rows(count: i64) -> RecordBatch {
        let ids = Int64Array::from_iter_values(0..count);
        let name = |id: i64| (id % 3 > 0).then(|| format!("name {}", id % 17));
        let names: StringArray = (0..count).map(name).collect();
        let wide = |id: i64| Some("x".repeat(if id % 5000 == 0 { 3 << 20 } else { 1 }));
        let texts: StringArray = (0..count).map(wide).collect();
        RecordBatch::try_from_iter([
            ("id", Arc::new(ids) as _),
            ("name", Arc::new(names) as _),
            ("text", Arc::new(texts) as _),
        ])
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
        assert_eq!(summary.sha256, format!("{:x}", Sha256::digest(&bytes)));
        let read = ParquetRecordBatchReader::try_new(Bytes::from(bytes.clone()), 20_000).unwrap();
        assert_eq!(read.map(Result::unwrap).collect::<Vec<_>>(), [all]);
        bytes
    }

    #[tokio::test]
    async fn the_cut_into_batches_leaves_no_trace() {
        let whole = bytes_of(20_000).await;
        assert_eq!(bytes_of(7).await, whole);
        assert_eq!(bytes_of(8192).await, whole);
    }

    #[tokio::test]
    async fn a_row_group_ends_by_rows_or_by_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let groups = async |all: RecordBatch| {
            let settings = WriteSettings {
                row_group_rows: 12_000,
                zstd_level: 1,
            };
            let mut file = ParquetFile::create(&location, "t", &all.schema(), settings).unwrap();
            file.write(all).await.unwrap();
            file.finish().await.unwrap();
            let file = std::fs::File::open(folder.path().join("t")).unwrap();
            let footer = ParquetMetaDataReader::new()
                .parse_and_finish(&file)
                .unwrap();
            let groups = footer.row_groups().iter();
            groups.map(RowGroupMetaData::num_rows).collect::<Vec<_>>()
        };
        assert_eq!(groups(rows(20_000)).await, [12_000, 8_000]);
        // 12 texts of 2 MiB that no compressor makes smaller, two to a piece: after eight of
        // them there are 16 MiB.
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let texts = BinaryArray::from_iter_values((0..12).map(|_| {
            let mut bytes = vec![0; 2 << 20];
            random.fill_bytes(&mut bytes);
            bytes
        }));
        let wide = RecordBatch::try_from_iter([("text", Arc::new(texts) as _)]).unwrap();
        assert_eq!(groups(wide).await, [8, 4]);
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
