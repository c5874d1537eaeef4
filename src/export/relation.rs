//! A table, view or query as the database's catalog has it.
//!
//! In: a name. Out: what it is, its columns, its key, its estimated size, and how to keep it
//! as it is while it is read. No row is read here.

use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::error::ExportError;
use super::name::TableName;
use super::session::Session;
use super::types::Wanted;
use crate::error::nearest;

/// Tables, partitioned tables, views, materialised views, foreign tables.
const RELATIONS: &str = "\
    select n.nspname || '.' || c.relname \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p', 'v', 'm', 'f') \
      and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%'";

/// The estimate of a partitioned table is that of its partitions.
const RELATION: &str = "\
    with recursive root as ( \
        select c.oid, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace \
        where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')), \
    tree as ( \
        select oid from root union all \
        select i.inhrelid from pg_inherits i join tree on i.inhparent = tree.oid), \
    sizes as ( \
        select sum(greatest(c.reltuples, 0)) filter (where c.relkind <> 'p')::bigint as rows, \
            sum(pg_table_size(c.oid)) filter (where c.relkind in ('r', 'm'))::bigint as bytes \
        from tree join pg_class c on c.oid = tree.oid) \
    select root.oid, root.relkind in ('r', 'p'), sizes.rows, sizes.bytes, \
        case when root.relkind in ('r', 'p', 'v') and has_table_privilege(root.oid, 'select') \
                then 'lock' \
            when root.relkind <> 'f' then 'explain' else 'none' end, \
        row_security_active(root.oid) \
    from root, sizes";

const COLUMNS: &str = "\
    select a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod), \
        a.attndims::integer \
    from pg_attribute a \
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped \
    order by a.attnum";

const PRIMARY_KEY: &str = "\
    select a.attname \
    from pg_index i \
    cross join lateral unnest(i.indkey) with ordinality as k (attnum, position) \
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum \
    where i.indrelid = $1 and i.indisprimary and k.position <= i.indnkeyatts \
    order by k.position";

/// Where rows come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A table or view.
    Relation {
        oid: u32,
        is_table: bool,
        lock: Option<Lock>,
    },
    /// The user's own query.
    Query(String),
}

/// How a table or view is kept as it is until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    /// `schema.name`.
    pub(super) table: String,
    /// The statement.
    pub(super) sql: String,
}

impl Lock {
    /// `LOCK TABLE` takes no snapshot, so that one taken after it cannot be older than the
    /// lock; of a view it locks the tables too. It is not for materialised views, nor for a
    /// role that may read only some of the columns: planning a query locks for them. Foreign
    /// tables are not ours to lock.
    fn new(name: &TableName, how: &str) -> Option<Self> {
        let quoted = name.quoted();
        let sql = match how {
            "lock" => format!("lock table {quoted} in access share mode"),
            "explain" => format!("explain select from {quoted}"),
            _ => return None,
        };
        Some(Self {
            table: name.to_string(),
            sql,
        })
    }
}

/// What is exported under one name.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: TableName,
    pub(super) source: Source,
    /// The server's estimate of the rows, when it has one.
    pub(super) estimated_rows: Option<u64>,
    /// What the rows take in the server, when it tells.
    pub(super) estimated_bytes: Option<u64>,
}

/// One column of the catalog.
#[derive(Debug, Clone)]
pub(super) struct CatalogColumn {
    pub(super) name: String,
    pub(super) type_oid: u32,
    pub(super) modifier: i32,
    /// The type as Postgres spells it.
    pub(super) postgres: String,
    /// Declared dimensions of an array.
    pub(super) dimensions: i32,
}

impl CatalogColumn {
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            name: &self.name,
            type_oid: self.type_oid,
            modifier: self.modifier,
            dimensions: self.dimensions,
            postgres: &self.postgres,
        }
    }
}

/// What the catalog tells of a relation, see [`RELATION`].
type Found = (u32, bool, Option<i64>, Option<i64>, String, bool);

impl Relation {
    /// Finds a table or view. Policies of row security hide rows without an error, so that they
    /// hold for the role is said.
    pub(super) async fn find(session: &Session, name: TableName) -> Result<Self, ExportError> {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&name.schema, Type::NAME), (&name.table, Type::NAME)];
        // The size of a table is not told while another session keeps it to itself.
        let rows = session.query(RELATION, &parameters).await;
        let rows = rows.map_err(|error| error.while_waiting_for(&name.to_string()))?;
        let Some(row) = rows.first() else {
            let tables: Vec<String> = session.column(RELATIONS, &[]).await?;
            let table = name.to_string();
            return Err(ExportError::TableMissing {
                database: session.database().to_string(),
                nearest: nearest(&table, tables.iter().map(String::as_str)).map(str::to_owned),
                table,
            });
        };
        let read = |row: &Row| {
            Ok((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
                row.try_get(4)?,
                row.try_get(5)?,
            ))
        };
        let (oid, is_table, rows, bytes, how, is_secured): Found =
            read(row).map_err(|source| session.failure(source))?;
        if is_secured {
            tracing::warn!(
                table = name.to_string(),
                "row security: only those rows are exported that the role may see"
            );
        }
        let lock = Lock::new(&name, &how);
        let known = |estimate: Option<i64>| {
            // Before a first analyze there is none.
            u64::try_from(estimate?)
                .ok()
                .filter(|estimate| *estimate > 0)
        };
        Ok(Self {
            name,
            source: Source::Relation {
                oid,
                is_table,
                lock,
            },
            estimated_rows: known(rows),
            estimated_bytes: known(bytes),
        })
    }

    /// The user's query under a name.
    pub(super) fn of_query(name: TableName, sql: &str) -> Self {
        Self {
            name,
            source: Source::Query(sql.trim().trim_end_matches(';').to_owned()),
            estimated_rows: None,
            estimated_bytes: None,
        }
    }

    /// Whether rows are stored under this name, or under those of its partitions.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.source, Source::Relation { is_table: true, .. })
    }

    /// What keeps the table as it is until the transaction ends.
    pub(super) fn lock(&self) -> Option<Lock> {
        match &self.source {
            Source::Relation { lock, .. } => lock.clone(),
            Source::Query(_) => None,
        }
    }

    /// The columns in the database's order.
    pub(super) async fn columns(
        &self,
        session: &Session,
    ) -> Result<Vec<CatalogColumn>, ExportError> {
        let oid = match &self.source {
            Source::Relation { oid, .. } => *oid,
            Source::Query(sql) => return query_columns(session, sql).await,
        };
        let rows = session.query(COLUMNS, &[(&oid, Type::OID)]).await?;
        let read = |row: &Row| {
            Ok(CatalogColumn {
                name: row.try_get(0)?,
                type_oid: row.try_get(1)?,
                modifier: row.try_get(2)?,
                postgres: row.try_get(3)?,
                dimensions: row.try_get(4)?,
            })
        };
        rows.iter()
            .map(read)
            .collect::<Result<_, tokio_postgres::Error>>()
            .map_err(|source| session.failure(source))
    }

    /// The columns of the primary key; none for what has none.
    pub(super) async fn primary_key(&self, session: &Session) -> Result<Vec<String>, ExportError> {
        match &self.source {
            Source::Relation { oid, .. } => session.column(PRIMARY_KEY, &[(oid, Type::OID)]).await,
            Source::Query(_) => Ok(Vec::new()),
        }
    }
}

/// A query's columns, which only the server can tell.
async fn query_columns(session: &Session, sql: &str) -> Result<Vec<CatalogColumn>, ExportError> {
    session.use_own_search_path().await?;
    let statement = session.describe(sql).await?;
    let mut columns = Vec::with_capacity(statement.columns().len());
    for column in statement.columns() {
        let (type_oid, modifier) = (column.type_().oid(), column.type_modifier());
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&type_oid, Type::OID), (&modifier, Type::INT4)];
        let named = session
            .column("select format_type($1, $2)", &parameters)
            .await?;
        columns.push(CatalogColumn {
            name: column.name().to_owned(),
            type_oid,
            modifier,
            postgres: named.into_iter().next().unwrap_or_default(),
            // A query's arrays do not declare how many they have.
            dimensions: 0,
        });
    }
    session.use_catalog_search_path().await?;
    Ok(columns)
}
