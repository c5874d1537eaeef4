//! What the database knows about types, as far as columns reach.
//!
//! In: type ids. Out: a [`Catalog`] of these types and of all that they are made of: elements
//! of arrays, attributes of composites, bounds of ranges, what domains stand on. Each round
//! asks for the types that the round before has named.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::types::Type;
use tokio_postgres::{Error, Row};

use super::super::error::ExportError;
use super::super::session::Session;

/// An array type is one that its element names as its own; `int2vector` and `point` have an
/// element too and are no arrays.
const TYPES: &str = "\
    select t.oid, t.typtype::text, t.typbasetype, t.typtypmod, t.typndims, t.typrelid, \
           coalesce(e.oid, 0::oid), coalesce(r.rngsubtype, 0::oid), \
           quote_ident(n.nspname) || '.' || quote_ident(o.proname), t.typdelim::text, \
           coalesce(s.prosrc = 'textsend', false) \
    from pg_type t \
    join pg_proc o on o.oid = t.typoutput \
    join pg_namespace n on n.oid = o.pronamespace \
    left join pg_type e on e.oid = t.typelem and e.typarray = t.oid \
    left join pg_range r on r.rngtypid = t.oid \
    left join pg_proc s on s.oid = t.typsend \
    where t.oid = any($1)";

const ATTRIBUTES: &str = "\
    select a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attndims::integer \
    from pg_attribute a \
    where a.attrelid = any($1) and a.attnum > 0 and not a.attisdropped \
    order by a.attrelid, a.attnum";

/// Asked only where there are multiranges: before Postgres 14 the column is not there.
const MULTIRANGES: &str = "\
    select rngmultitypid, rngsubtype from pg_range where rngmultitypid = any($1)";

/// The `money` of this server has so many digits after the point.
const MONEY_SCALE: &str = "select scale(1::money::numeric)::text";
const MONEY: u32 = 790;

/// A use of a type: a column's, an attribute's or what a domain stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) oid: u32,
    pub(super) modifier: i32,
    /// Declared dimensions; 0 when nothing is said.
    pub(super) dimensions: i32,
}

/// One type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CatalogType {
    pub(super) shape: Shape,
    /// Its output function, ready to be called.
    pub(super) output: String,
    /// What stands between the elements when an array of it is printed.
    pub(super) delimiter: String,
    /// Its bytes on the wire are its text.
    pub(super) is_sent_as_text: bool,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Base,
    Enum,
    Pseudo,
    Domain(Use),
    Array(u32),
    Composite(Vec<(String, Use)>),
    Range(u32),
    Multirange(u32),
}

/// The types that some columns are made of.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub(super) types: HashMap<u32, CatalogType>,
    /// Digits of `money` after the point, when there is any.
    pub(super) money_scale: Option<i8>,
}

impl Catalog {
    /// Reads the types `wanted` and all they are made of.
    pub(super) async fn read(session: &Session, wanted: &[u32]) -> Result<Self, ExportError> {
        let mut catalog = Self::default();
        let mut next: BTreeSet<u32> = wanted.iter().copied().collect();
        while !next.is_empty() {
            let round: Vec<u32> = next.iter().copied().collect();
            let found = read_round(session, &round).await?;
            next = found
                .iter()
                .flat_map(|(_, found)| found.shape.parts())
                .collect();
            catalog.types.extend(found);
            next.retain(|oid| !catalog.types.contains_key(oid));
        }
        if catalog.types.contains_key(&MONEY) {
            catalog.money_scale = session.value::<String>(MONEY_SCALE).await?.parse().ok();
        }
        Ok(catalog)
    }
}

impl Shape {
    /// The types that it is made of.
    fn parts(&self) -> Vec<u32> {
        match self {
            Self::Base | Self::Enum | Self::Pseudo => Vec::new(),
            Self::Domain(base) => vec![base.oid],
            Self::Array(oid) | Self::Range(oid) | Self::Multirange(oid) => vec![*oid],
            Self::Composite(parts) => parts.iter().map(|(_, part)| part.oid).collect(),
        }
    }
}

/// The types of one round; what some of them are made of comes from further queries.
async fn read_round(
    session: &Session,
    oids: &[u32],
) -> Result<Vec<(u32, CatalogType)>, ExportError> {
    let mut composites = HashMap::new();
    let mut multiranges = Vec::new();
    let mut types = Vec::new();
    let rows = query(session, TYPES, oids).await?;
    for row in &rows {
        let (oid, relation, found) = read_type(row).map_err(|source| session.failure(source))?;
        match &found.shape {
            Shape::Composite(_) => {
                composites.insert(relation, types.len());
            }
            Shape::Multirange(_) => multiranges.push(oid),
            _ => {}
        }
        types.push((oid, found));
    }
    if !composites.is_empty() {
        let relations: Vec<u32> = composites.keys().copied().collect();
        for row in &query(session, ATTRIBUTES, &relations).await? {
            let (relation, name, part) =
                read_attribute(row).map_err(|source| session.failure(source))?;
            let position = composites.get(&relation);
            if let Some((_, found)) = position.and_then(|position| types.get_mut(*position))
                && let Shape::Composite(parts) = &mut found.shape
            {
                parts.push((name, part));
            }
        }
    }
    if !multiranges.is_empty() {
        for row in &query(session, MULTIRANGES, &multiranges).await? {
            let (oid, bound) = read_pair(row).map_err(|source| session.failure(source))?;
            if let Some((_, found)) = types.iter_mut().find(|(candidate, _)| *candidate == oid) {
                found.shape = Shape::Multirange(bound);
            }
        }
    }
    Ok(types)
}

async fn query(session: &Session, sql: &str, oids: &[u32]) -> Result<Vec<Row>, ExportError> {
    session.query(sql, &[(&oids, Type::OID_ARRAY)]).await
}

/// The type's id, the relation that holds its attributes, and the type.
fn read_type(row: &Row) -> Result<(u32, u32, CatalogType), Error> {
    let kind: String = row.try_get(1)?;
    let element: u32 = row.try_get(6)?;
    let shape = match kind.as_str() {
        "p" => Shape::Pseudo,
        "e" => Shape::Enum,
        "d" => Shape::Domain(Use {
            oid: row.try_get(2)?,
            modifier: row.try_get(3)?,
            dimensions: row.try_get(4)?,
        }),
        "c" => Shape::Composite(Vec::new()),
        "r" => Shape::Range(row.try_get(7)?),
        "m" => Shape::Multirange(0),
        _ if element != 0 => Shape::Array(element),
        _ => Shape::Base,
    };
    let found = CatalogType {
        shape,
        output: row.try_get(8)?,
        delimiter: row.try_get(9)?,
        is_sent_as_text: row.try_get(10)?,
    };
    Ok((row.try_get(0)?, row.try_get(5)?, found))
}

fn read_attribute(row: &Row) -> Result<(u32, String, Use), Error> {
    let part = Use {
        oid: row.try_get(2)?,
        modifier: row.try_get(3)?,
        dimensions: row.try_get(4)?,
    };
    Ok((row.try_get(0)?, row.try_get(1)?, part))
}

fn read_pair(row: &Row) -> Result<(u32, u32), Error> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}
