//! Opens the SQL session of a command: the lake's tables and the current run's.

use datafusion::catalog::MemorySchemaProvider;
use datafusion::execution::context::SessionContext;
use datafusion::prelude::{ParquetReadOptions, SessionConfig};
use std::sync::Arc;

use crate::error::Failure;
use crate::shell::QueryError;

use super::Context;

pub(super) async fn open(context: &Context) -> Result<SessionContext, Failure> {
    let lake = context.lake()?;
    context.out()?;
    let session =
        SessionContext::new_with_config(SessionConfig::new().with_information_schema(true));
    let tables = lake
        .list("")
        .await
        .map_err(|error| Failure::new(crate::error::Exit::Store, &error))?;
    let mut seen = std::collections::BTreeSet::new();
    for (path, _) in tables {
        let parts: Vec<&str> = path.split('/').collect();
        if let [schema, table, ..] = parts[..] {
            seen.insert((
                schema.to_owned(),
                table.trim_end_matches(".parquet").to_owned(),
                table.to_owned(),
            ));
        }
    }
    for (schema, name, folder) in seen {
        if let Some(catalog) = session.catalog("datafusion")
            && catalog.schema(&schema).is_none()
        {
            catalog
                .register_schema(&schema, Arc::new(MemorySchemaProvider::new()))
                .map_err(QueryError::from)?;
        }
        let path = format!("{lake}/{schema}/{folder}");
        session
            .register_parquet(
                format!("{schema}.{name}"),
                path,
                ParquetReadOptions::default(),
            )
            .await
            .map_err(QueryError::from)?;
    }
    Ok(session)
}
