//! Where bytes lie: a folder or `s3://bucket/prefix`, behind one object store.
//!
//! In: the text a user gives as a location. Out: a [`Location`] that lists, reads and
//! writes below that place and nowhere else. A write appears under its final name
//! complete or not at all: on disk through a staged file that is renamed, on S3 because
//! an object appears only when its upload completes.

mod encodings;
mod logical;
mod parquet_file;
mod parquet_rows;
mod pieces;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use url::Url;

use crate::error::{Exit, Failure};

pub use parquet_file::{FileSummary, ParquetFile, WriteSettings};
pub use parquet_rows::ParquetRows;

/// What can go wrong between us and a folder or a bucket.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The location's text is no folder and no `s3://` address.
    #[error("`{text}` is not a location: {reason}")]
    NotALocation {
        /// What the user gave.
        text: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The store refused or failed.
    #[error("cannot {action} `{object}`")]
    Store {
        /// `read`, `write`, `list`, …
        action: &'static str,
        /// The location and the path below it.
        object: String,
        /// The store's own error.
        #[source]
        source: object_store::Error,
    },
    /// Parquet could not be encoded.
    #[error("cannot write `{object}` as parquet")]
    Parquet {
        /// The location and the path below it.
        object: String,
        /// The encoder's own error.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A file is no Parquet, or a damaged one.
    #[error("cannot read `{object}` as parquet")]
    Unreadable {
        /// The location and the path below it.
        object: String,
        /// The decoder's own error.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// Record batches could not be cut to the writer's size.
    #[error("cannot lay out the rows of `{object}`")]
    Arrow {
        /// The location and the path below it.
        object: String,
        /// The kernel's own error.
        #[source]
        source: arrow::error::ArrowError,
    },
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let exit = match error {
            StorageError::NotALocation { .. } => Exit::Usage,
            _ => Exit::Store,
        };
        Self::new(exit, &error)
    }
}

/// How to reach S3 beyond the standard AWS variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreOptions {
    /// Endpoint of a server other than Amazon's, for example `http://127.0.0.1:7480`.
    pub s3_endpoint: Option<String>,
    /// Region; Amazon's default when absent.
    pub s3_region: Option<String>,
    /// Plain `http` is refused unless asked for by name.
    pub s3_allow_http: bool,
    /// Access key and secret; the standard AWS variables when absent.
    pub s3_credentials: Option<S3Credentials>,
}

/// An access key; its secret is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: String,
    /// Token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("S3Credentials(***)")
    }
}

/// A folder or an S3 prefix, and the store that serves it.
#[derive(Debug, Clone)]
pub struct Location {
    /// Serves paths relative to the location.
    store: Arc<dyn ObjectStore>,
    /// The location as the user may see it, without a trailing slash.
    text: String,
    /// The same as a URL that ends in a slash.
    url: Url,
    /// Below which the S3 store keeps this location; empty on disk.
    prefix: Path,
}

impl Location {
    /// Opens a location; a folder is created when it does not exist.
    ///
    /// # Errors
    /// [`StorageError::NotALocation`] when the text is neither, or the folder cannot be made.
    pub fn open(text: &str, options: &StoreOptions) -> Result<Self, StorageError> {
        let refuse = |reason: String| StorageError::NotALocation {
            text: text.to_owned(),
            reason,
        };
        match text.split_once("://") {
            Some(("s3", _)) => Self::open_s3(text, options),
            Some((scheme, _)) => Err(refuse(format!("`{scheme}://` is not served"))),
            None if text.is_empty() => Err(refuse("it is empty".to_owned())),
            None => Self::open_folder(text),
        }
    }

    fn open_folder(text: &str) -> Result<Self, StorageError> {
        let refuse = |reason: String| StorageError::NotALocation {
            text: text.to_owned(),
            reason,
        };
        let folder = PathBuf::from(text);
        std::fs::create_dir_all(&folder).map_err(|error| refuse(error.to_string()))?;
        let absolute = folder
            .canonicalize()
            .map_err(|error| refuse(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(&absolute)
            .map_err(|error| refuse(error.to_string()))?
            .with_automatic_cleanup(false);
        let url = Url::from_directory_path(&absolute)
            .map_err(|()| refuse("its path cannot be written as a URL".to_owned()))?;
        let text = text.trim_end_matches('/').to_owned();
        Ok(Self {
            store: Arc::new(store),
            text,
            url,
            prefix: Path::default(),
        })
    }

    fn open_s3(text: &str, options: &StoreOptions) -> Result<Self, StorageError> {
        let refuse = |reason: String| StorageError::NotALocation {
            text: text.to_owned(),
            reason,
        };
        let url = Url::parse(&format!("{}/", text.trim_end_matches('/')))
            .map_err(|error| refuse(error.to_string()))?;
        let bucket = url
            .host_str()
            .ok_or_else(|| refuse("no bucket is named".to_owned()))?;
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_allow_http(options.s3_allow_http);
        if let Some(endpoint) = &options.s3_endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &options.s3_region {
            builder = builder.with_region(region);
        }
        if let Some(credentials) = &options.s3_credentials {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
            if let Some(token) = &credentials.session_token {
                builder = builder.with_token(token);
            }
        }
        let store = builder.build().map_err(|error| refuse(error.to_string()))?;
        let prefix = Path::from_url_path(url.path()).map_err(|error| refuse(error.to_string()))?;
        let text = text.trim_end_matches('/').to_owned();
        Ok(Self {
            store: Arc::new(store),
            text,
            url,
            prefix,
        })
    }

    /// The location as URL, ending in a slash.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of an object below the location; characters a URL cannot hold are escaped.
    pub fn url_of(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(path.split('/').filter(|part| !part.is_empty()));
        }
        url
    }

    /// The store; it serves [`Self::object_path`]s.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Whether the location is a folder of this machine.
    pub fn is_local(&self) -> bool {
        self.url.scheme() == "file"
    }

    /// The name of an object below the location, for messages.
    pub fn describe(&self, path: &str) -> String {
        format!("{}/{path}", self.text)
    }

    /// The object's path in [`Self::store`].
    pub fn object_path(&self, path: &str) -> Path {
        path.split('/')
            .filter(|part| !part.is_empty())
            .fold(self.prefix.clone(), Path::join)
    }

    fn failure(
        &self,
        action: &'static str,
        path: &str,
    ) -> impl FnOnce(object_store::Error) -> StorageError {
        let object = self.describe(path);
        move |source| StorageError::Store {
            action,
            object,
            source,
        }
    }

    /// Every object below `path`, as paths relative to the location, sorted by name.
    ///
    /// # Errors
    /// [`StorageError::Store`] when the store cannot be listed; nothing there is an empty list.
    pub async fn list(&self, path: &str) -> Result<Vec<(String, ObjectMeta)>, StorageError> {
        let below = self.object_path(path);
        let listed: Vec<ObjectMeta> = self
            .store
            .list(Some(&below))
            .try_collect()
            .await
            .map_err(self.failure("list", path))?;
        let mut found: Vec<(String, ObjectMeta)> = listed
            .into_iter()
            .filter_map(|meta| {
                let parts: Vec<_> = meta.location.prefix_match(&self.prefix)?.collect();
                let relative: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
                Some((relative.join("/"), meta.clone()))
            })
            .collect();
        found.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(found)
    }

    /// The folders right below a folder, in the order of their names; on disk those too that
    /// hold nothing but what a killed writer has left.
    ///
    /// # Errors
    /// [`StorageError::Store`].
    pub async fn folders(&self, path: &str) -> Result<Vec<String>, StorageError> {
        let listed = self
            .store
            .list_with_delimiter(Some(&self.object_path(path)))
            .await
            .map_err(self.failure("list", path))?;
        let mut folders: Vec<String> = listed
            .common_prefixes
            .iter()
            .filter_map(|folder| {
                let parts: Vec<_> = folder.prefix_match(&self.prefix)?.collect();
                let relative: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
                Some(relative.join("/"))
            })
            .collect();
        folders.sort();
        Ok(folders)
    }

    /// The bytes of one object, or `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Store`] for every other failure.
    pub async fn read(&self, path: &str) -> Result<Option<Bytes>, StorageError> {
        match self.store.get(&self.object_path(path)).await {
            Ok(found) => Ok(Some(
                found.bytes().await.map_err(self.failure("read", path))?,
            )),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure("read", path)(error)),
        }
    }

    /// The bytes of one object, piece by piece, or `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Store`] for every other failure, also of a piece.
    pub async fn stream(
        &self,
        path: &str,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, StorageError>>>, StorageError> {
        let object = self.describe(path);
        let failure = move |source| StorageError::Store {
            action: "read",
            object: object.clone(),
            source,
        };
        match self.store.get(&self.object_path(path)).await {
            Ok(found) => Ok(Some(found.into_stream().map_err(failure).boxed())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }

    /// The size of one object, or `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Store`] for every other failure.
    pub async fn size(&self, path: &str) -> Result<Option<u64>, StorageError> {
        match self.store.head(&self.object_path(path)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure("read", path)(error)),
        }
    }

    /// Writes one object whole, replacing an earlier one.
    ///
    /// # Errors
    /// [`StorageError::Store`]; the earlier object then stands.
    pub async fn write(&self, path: &str, bytes: impl Into<Bytes>) -> Result<(), StorageError> {
        let payload = PutPayload::from_bytes(bytes.into());
        self.store
            .put(&self.object_path(path), payload)
            .await
            .map_err(self.failure("write", path))?;
        Ok(())
    }

    /// Creates one object; `false` when it is already there, which is then untouched.
    ///
    /// # Errors
    /// [`StorageError::Store`] for every other failure.
    pub async fn create(&self, path: &str, bytes: impl Into<Bytes>) -> Result<bool, StorageError> {
        let payload = PutPayload::from_bytes(bytes.into());
        match self
            .store
            .put_opts(&self.object_path(path), payload, PutMode::Create.into())
            .await
        {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => Ok(false),
            Err(error) => Err(self.failure("create", path)(error)),
        }
    }

    /// Gives one object another name, replacing what bears it: in one step on disk, by a copy
    /// and a deletion on S3.
    ///
    /// # Errors
    /// [`StorageError::Store`]; the object then bears its old name, or both.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), StorageError> {
        let (source, target) = (self.object_path(from), self.object_path(to));
        self.store
            .rename(&source, &target)
            .await
            .map_err(self.failure("put in place", to))
    }

    /// Removes one object; none there is no failure.
    ///
    /// # Errors
    /// [`StorageError::Store`] for every other failure.
    pub async fn delete(&self, path: &str) -> Result<(), StorageError> {
        match self.store.delete(&self.object_path(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failure("delete", path)(error)),
        }
    }
}

impl Location {
    /// Removes everything below `path`, on disk the folders too.
    ///
    /// # Errors
    /// [`StorageError::Store`]; what was removed by then stays removed.
    pub async fn delete_folder(&self, path: &str) -> Result<(), StorageError> {
        for (object, _) in self.list(path).await? {
            self.delete(&object).await?;
        }
        let Ok(folder) = self.url_of(path).to_file_path() else {
            return Ok(());
        };
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if self.is_local() && error.kind() != std::io::ErrorKind::NotFound => {
                let source = object_store::Error::Generic {
                    store: "folder",
                    source: Box::new(error),
                };
                Err(self.failure("delete", path)(source))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Location) {
        let folder = tempfile::tempdir().unwrap();
        let location =
            Location::open(folder.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        (folder, location)
    }

    #[tokio::test]
    async fn a_created_object_is_never_overwritten() {
        let (_folder, location) = folder();
        assert!(location.create("commits/1.json", "old").await.unwrap());
        assert!(!location.create("commits/1.json", "new").await.unwrap());
        assert_eq!(
            location.read("commits/1.json").await.unwrap().unwrap(),
            "old"
        );
    }

    #[tokio::test]
    async fn a_listing_is_sorted_and_relative() {
        let (_folder, location) = folder();
        for name in ["b/2", "a/1", "b/1"] {
            location.write(name, "x").await.unwrap();
        }
        let names: Vec<String> = location
            .list("b")
            .await
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["b/1", "b/2"]);
    }

    #[tokio::test]
    async fn what_is_not_there_reads_as_none() {
        let (_folder, location) = folder();
        assert!(location.read("nothing").await.unwrap().is_none());
        location.delete("nothing").await.unwrap();
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        let error = Location::open("ftp://host/x", &StoreOptions::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`ftp://host/x` is not a location: `ftp://` is not served"
        );
    }
}
