//! How a table is cut into parts: ranges of pages of the table and its partitions.
//!
//! In: a relation. Out: its parts, in the order in which their files are numbered. The cut
//! follows from the table alone, so that the number of connections changes no file. Each part
//! is read and written on its own, and what a killed export has finished can stand.

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::error::ExportError;
use super::name::TableName;
use super::relation::{Relation, Source};
use super::session::Session;
use crate::lake::exports::Pages;

/// What a part holds at least, as the server stores it: files of some ten MB, worth a
/// connection's round trip and a reader's opening.
const PART_BYTES: u64 = 64 << 20;
/// Parts grow with the table, so that a table has hundreds of them and not a hundred thousand.
const PARTS_WANTED: u64 = 256;
/// The first version that reads a range of pages without reading the whole table.
const RANGE_SCANS: i32 = 140_000;

/// The heap tables among the table and its descendants; the last column tells whether all of
/// them can be read one by one. Policies of row security hold for the table that a query
/// names, so a partition must not be read in its parent's place.
const LEAVES: &str = "\
    with recursive tree as ( \
        select $1::oid as oid union all \
        select i.inhrelid from pg_inherits i join tree on i.inhparent = tree.oid), \
    members as ( \
        select n.nspname, c.relname, c.oid, c.relkind, c.relkind = 'p' or ( \
            c.relkind = 'r' and m.amname = 'heap' and not c.relrowsecurity \
            and has_table_privilege(c.oid, 'select')) as is_readable \
        from tree join pg_class c on c.oid = tree.oid \
        join pg_namespace n on n.oid = c.relnamespace left join pg_am m on m.oid = c.relam) \
    select nspname, relname, pg_relation_filenode(oid), \
        pg_relation_size(oid) / current_setting('block_size')::bigint, pg_table_size(oid), \
        (select bool_and(is_readable) from members) \
    from members where relkind <> 'p' order by nspname, relname";

/// One heap table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf {
    relation: String,
    file_node: u32,
    pages: u64,
    bytes: u64,
}

/// Cuts the relation into parts; `None` is the whole of what cannot be read by pages.
pub(super) async fn parts(
    session: &Session,
    relation: &Relation,
) -> Result<Vec<Option<Pages>>, ExportError> {
    let Source::Relation {
        oid,
        is_table: true,
        ..
    } = relation.source
    else {
        return Ok(vec![None]);
    };
    let version: i32 = session
        .value("select current_setting('server_version_num')::int")
        .await?;
    if version < RANGE_SCANS {
        return Ok(vec![None]);
    }
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&oid, Type::OID)];
    let rows = session.query(LEAVES, &parameters).await?;
    let mut leaves = Vec::with_capacity(rows.len());
    for row in &rows {
        let leaf = read_leaf(row).map_err(|source| session.failure(source))?;
        match leaf {
            Some(leaf) => leaves.push(leaf),
            None => return Ok(vec![None]),
        }
    }
    Ok(cut(&leaves))
}

fn read_leaf(row: &Row) -> Result<Option<Leaf>, tokio_postgres::Error> {
    let is_readable: bool = row.try_get(5)?;
    let file_node: Option<u32> = row.try_get(2)?;
    let (pages, bytes): (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
    let name = TableName {
        schema: row.try_get(0)?,
        table: row.try_get(1)?,
    };
    Ok(match (is_readable, file_node) {
        (true, Some(file_node)) => Some(Leaf {
            relation: name.to_string(),
            file_node,
            pages: pages.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        }),
        _ => None,
    })
}

fn cut(leaves: &[Leaf]) -> Vec<Option<Pages>> {
    let total: u64 = leaves.iter().map(|leaf| leaf.bytes).sum();
    if leaves.is_empty() || (leaves.len() > 1 && total <= PART_BYTES) {
        return vec![None];
    }
    let part_bytes = PART_BYTES.max(total / PARTS_WANTED);
    let mut parts = Vec::new();
    for leaf in leaves {
        // Rows that are stored aside count for the page that refers to them.
        let count = (leaf.bytes / part_bytes).clamp(1, leaf.pages.max(1));
        let border = |number: u64| u32::try_from(leaf.pages * number / count).ok();
        for number in 0..count {
            parts.push(Some(Pages {
                relation: leaf.relation.clone(),
                file_node: leaf.file_node,
                first: border(number).unwrap_or(u32::MAX),
                // The last range has no end: what was added since is not in the snapshot.
                end: border(number + 1).filter(|_| number + 1 < count),
            }));
        }
    }
    parts
}

/// The condition that holds for the rows of a range; none for a whole relation.
pub(super) fn condition(pages: &Pages) -> Option<String> {
    let first = (pages.first > 0).then(|| format!("ctid >= '({},0)'", pages.first));
    let end = pages.end.map(|end| format!("ctid < '({end},0)'"));
    let limits: Vec<String> = first.into_iter().chain(end).collect();
    (!limits.is_empty()).then(|| limits.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(relation: &str, pages: u64, bytes: u64) -> Leaf {
        Leaf {
            relation: relation.to_owned(),
            file_node: 7,
            pages,
            bytes,
        }
    }

    /// Every part as relation, first page and end.
    fn ranges(leaves: &[Leaf]) -> Vec<(String, u32, Option<u32>)> {
        cut(leaves)
            .into_iter()
            .flatten()
            .map(|pages| (pages.relation, pages.first, pages.end))
            .collect()
    }

    #[test]
    fn a_small_table_is_one_part() {
        assert_eq!(ranges(&[leaf("a.t", 0, 0)]), [("a.t".to_owned(), 0, None)]);
        let almost_two = leaf("a.t", 16_383, (128 << 20) - 1);
        assert_eq!(ranges(&[almost_two]), [("a.t".to_owned(), 0, None)]);
    }

    #[test]
    fn a_larger_table_is_cut_without_gap_or_overlap() {
        // 192 MiB are three parts of a third of the 24,577 pages each.
        let found = ranges(&[leaf("a.t", 24_577, 192 << 20)]);
        let expected = [(0, Some(8192)), (8192, Some(16_384)), (16_384, None)];
        assert_eq!(
            found,
            expected.map(|(first, end)| ("a.t".to_owned(), first, end))
        );
        // 1 TiB: as many parts as wanted, not 16384.
        assert_eq!(ranges(&[leaf("a.t", 1 << 27, 1 << 40)]).len(), 256);
        // Few pages that refer to much: no more parts than pages.
        assert_eq!(ranges(&[leaf("a.t", 2, 1 << 30)]).len(), 2);
    }

    #[test]
    fn small_partitions_are_read_together_and_large_ones_apart() {
        assert_eq!(
            cut(&[leaf("a.p1", 10, 81_920), leaf("a.p2", 10, 81_920)]),
            [None]
        );
        let found = ranges(&[leaf("a.p1", 10, 81_920), leaf("a.p2", 16_384, 128 << 20)]);
        let expected = [
            ("a.p1", 0, None),
            ("a.p2", 0, Some(8192)),
            ("a.p2", 8192, None),
        ];
        assert_eq!(
            found,
            expected.map(|(name, first, end)| (name.to_owned(), first, end))
        );
    }

    #[test]
    fn a_range_is_a_condition_on_row_addresses() {
        let pages = |first, end| Pages {
            relation: "a.t".to_owned(),
            file_node: 7,
            first,
            end,
        };
        assert_eq!(condition(&pages(0, None)), None);
        assert_eq!(condition(&pages(8, None)).unwrap(), "ctid >= '(8,0)'");
        assert_eq!(
            condition(&pages(8, Some(16))).unwrap(),
            "ctid >= '(8,0)' and ctid < '(16,0)'"
        );
    }
}
