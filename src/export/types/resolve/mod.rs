//! Decides how each column is read: natural form, text, or not at all.
//!
//! In: the columns of a table, the catalog's types and the user's [`Conversions`]. Out: per
//! column the [`PostgresType`] and the expression that the COPY selects, or the first column
//! without a form, with the remedy. Asks the catalog; reads no row.

use super::super::error::ExportError;
use super::super::name::quote;
use super::super::session::Session;
use super::catalog::{Catalog, CatalogType, Shape, Use};
use super::{
    Attribute, Conversion, Conversions, DECIMAL_256_DIGITS, Leaf, MAX_DIMENSIONS, PostgresType,
};
use crate::error::nearest;

/// Types within types; Postgres itself has no limit.
const MAX_DEPTH: usize = 16;

/// Object ids of the built-in types; they are part of Postgres' protocol and never change.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const XID: u32 = 28;
    pub(super) const CID: u32 = 29;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const MONEY: u32 = 790;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const DATE: u32 = 1082;
    pub(super) const TIME: u32 = 1083;
    pub(super) const TIMESTAMP: u32 = 1114;
    pub(super) const TIMESTAMPTZ: u32 = 1184;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const UUID: u32 = 2950;
    pub(super) const JSONB: u32 = 3802;
    pub(super) const XID8: u32 = 5069;
}

/// A column to be read.
pub(in crate::export) struct Wanted<'a> {
    pub(in crate::export) name: &'a str,
    pub(in crate::export) type_oid: u32,
    pub(in crate::export) modifier: i32,
    /// Declared dimensions of an array; 0 when nothing is said, as in views.
    pub(in crate::export) dimensions: i32,
    /// The type as Postgres spells it.
    pub(in crate::export) postgres: &'a str,
}

/// How a column is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::export) struct Resolved {
    pub(in crate::export) kind: PostgresType,
    /// The expression that the COPY selects.
    pub(in crate::export) select: String,
}

/// Why a use of a type has no natural form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoForm {
    /// It has its text.
    Text,
    /// A `numeric` that may have any number of digits.
    Unbounded,
    /// A `numeric` of more digits than Parquet readers know.
    TooWide,
    /// Values of the type cannot be sent.
    Pseudo,
}

/// Resolves the columns of the table `table` (`schema.name`).
pub(in crate::export) async fn resolve(
    session: &Session,
    table: &str,
    columns: &[Wanted<'_>],
    conversions: &Conversions,
) -> Result<Vec<Resolved>, ExportError> {
    check_names(table, columns, conversions)?;
    let oids: Vec<u32> = columns.iter().map(|column| column.type_oid).collect();
    let catalog = Catalog::read(session, &oids).await?;
    columns
        .iter()
        .map(|column| resolve_column(&catalog, table, column, conversions))
        .collect()
}

/// A declaration of a column that the table has not is a mistake, which would go unnoticed.
fn check_names(
    table: &str,
    columns: &[Wanted<'_>],
    conversions: &Conversions,
) -> Result<(), ExportError> {
    for declared in conversions.columns.keys() {
        let Some(column) = declared
            .strip_prefix(table)
            .and_then(|rest| rest.strip_prefix('.'))
        else {
            continue;
        };
        let mut names = columns.iter().map(|column| column.name);
        if !names.clone().any(|name| name == column) {
            return Err(ExportError::DeclaredColumnMissing {
                table: table.to_owned(),
                column: column.to_owned(),
                nearest: nearest(column, &mut names).map(str::to_owned),
            });
        }
    }
    Ok(())
}

fn resolve_column(
    catalog: &Catalog,
    table: &str,
    column: &Wanted<'_>,
    conversions: &Conversions,
) -> Result<Resolved, ExportError> {
    let name = format!("{table}.{}", column.name);
    let declared = conversions.columns.get(&name).copied();
    let site = Use {
        oid: column.type_oid,
        modifier: column.modifier,
        dimensions: column.dimensions,
    };
    let refuse = |no_form| ExportError::TypeRefused {
        table: table.to_owned(),
        column: column.name.to_owned(),
        postgres: column.postgres.to_owned(),
        remedy: remedy(no_form, &name),
    };
    if declared == Some(Conversion::Text) {
        return catalog.as_text(site, column.name).map_err(refuse);
    }
    if !catalog.can_be(site, declared) {
        return Err(ExportError::DeclarationRefused {
            table: table.to_owned(),
            column: column.name.to_owned(),
            postgres: column.postgres.to_owned(),
        });
    }
    match catalog.natural(site, declared, MAX_DEPTH) {
        Ok(kind) => Ok(Resolved {
            kind,
            select: quote(column.name),
        }),
        Err(NoForm::Text) => match catalog.as_texts(site, declared, column.name) {
            Some(texts) => Ok(texts),
            None => catalog.as_text(site, column.name).map_err(refuse),
        },
        Err(no_form) => Err(refuse(no_form)),
    }
}

fn remedy(no_form: NoForm, name: &str) -> String {
    match no_form {
        NoForm::Unbounded => format!(
            "declare it in the settings file, below `[columns]`: \
             `\"{name}\" = \"numeric(20,4)\"`, or `\"text\"`"
        ),
        NoForm::TooWide | NoForm::Text => {
            format!("declare it in the settings file, below `[columns]`: `\"{name}\" = \"text\"`")
        }
        NoForm::Pseudo => "export a view without the column".to_owned(),
    }
}

impl Catalog {
    fn get(&self, oid: u32) -> Result<&CatalogType, NoForm> {
        self.types.get(&oid).ok_or(NoForm::Pseudo)
    }

    /// What a domain stands on, through any number of domains; other types are themselves.
    fn base(&self, mut site: Use) -> Result<(Use, &CatalogType), NoForm> {
        // As many as there are types: domains do not stand on themselves.
        for _ in 0..=self.types.len() {
            let found = self.get(site.oid)?;
            match found.shape {
                Shape::Domain(base) => site = base,
                _ => return Ok((site, found)),
            }
        }
        Err(NoForm::Pseudo)
    }

    /// Whether the declaration means the type.
    fn can_be(&self, site: Use, declared: Option<Conversion>) -> bool {
        let Ok((base, found)) = self.base(site) else {
            return true;
        };
        match (declared, &found.shape) {
            (None | Some(Conversion::Text), _) => true,
            (Some(Conversion::Dimensions(_)), shape) => matches!(shape, Shape::Array(_)),
            (Some(Conversion::Numeric { .. }), Shape::Array(element)) => {
                self.can_be(bare(*element), declared)
            }
            (Some(Conversion::Numeric { .. }), _) => base.oid == oid::NUMERIC,
        }
    }

    /// The form in which every value of the type is itself.
    fn natural(
        &self,
        site: Use,
        declared: Option<Conversion>,
        depth: usize,
    ) -> Result<PostgresType, NoForm> {
        let depth = depth.checked_sub(1).ok_or(NoForm::Text)?;
        let (site, found) = self.base(site)?;
        Ok(match &found.shape {
            Shape::Pseudo => return Err(NoForm::Pseudo),
            Shape::Enum => PostgresType::Leaf(Leaf::Text),
            Shape::Base | Shape::Domain(_) => PostgresType::Leaf(self.leaf(site, found, declared)?),
            Shape::Array(element) => PostgresType::Array {
                // A modifier of an array is its elements'.
                element: Box::new(self.natural(
                    Use {
                        modifier: site.modifier,
                        ..bare(*element)
                    },
                    declared,
                    depth,
                )?),
                element_oid: *element,
                dimensions: dimensions(site, declared),
            },
            Shape::Composite(parts) => self.composite(parts, depth)?,
            Shape::Range(bound) => PostgresType::Range(self.part(bare(*bound), depth)?),
            Shape::Multirange(bound) => PostgresType::Multirange(self.part(bare(*bound), depth)?),
        })
    }

    /// A part of another type: without a form of its own it takes the whole to text.
    fn part(&self, site: Use, depth: usize) -> Result<Box<PostgresType>, NoForm> {
        match self.natural(site, None, depth) {
            Ok(kind) => Ok(Box::new(kind)),
            Err(NoForm::Pseudo) => Err(NoForm::Pseudo),
            Err(_) => Err(NoForm::Text),
        }
    }

    fn composite(&self, parts: &[(String, Use)], depth: usize) -> Result<PostgresType, NoForm> {
        // Parquet has no group without a field.
        if parts.is_empty() {
            return Err(NoForm::Text);
        }
        let mut attributes = Vec::with_capacity(parts.len());
        for (name, part) in parts {
            attributes.push(Attribute {
                name: name.clone(),
                oid: part.oid,
                kind: *self.part(*part, depth)?,
            });
        }
        Ok(PostgresType::Composite(attributes))
    }

    fn leaf(
        &self,
        site: Use,
        found: &CatalogType,
        declared: Option<Conversion>,
    ) -> Result<Leaf, NoForm> {
        Ok(match site.oid {
            oid::INT2 => Leaf::SmallInt,
            oid::INT4 => Leaf::Integer,
            oid::INT8 => Leaf::BigInt,
            oid::OID | oid::XID | oid::CID => Leaf::Unsigned,
            oid::XID8 => Leaf::BigUnsigned,
            oid::FLOAT4 => Leaf::Real,
            oid::FLOAT8 => Leaf::DoublePrecision,
            oid::BOOL => Leaf::Boolean,
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME => Leaf::Text,
            oid::JSON => Leaf::Json,
            oid::JSONB => Leaf::Jsonb,
            oid::UUID => Leaf::Uuid,
            oid::BYTEA => Leaf::Bytea,
            oid::DATE => Leaf::Date,
            oid::TIME => Leaf::Time,
            oid::TIMESTAMP => Leaf::Timestamp,
            oid::TIMESTAMPTZ => Leaf::TimestampTz,
            oid::MONEY => Leaf::Money {
                scale: self.money_scale.ok_or(NoForm::Text)?,
            },
            oid::NUMERIC => match declared {
                Some(Conversion::Numeric { precision, scale }) => {
                    Leaf::Numeric { precision, scale }
                }
                _ => numeric(site.modifier)?,
            },
            // `citext` and others that are text by another name.
            _ if found.is_sent_as_text => Leaf::Text,
            _ => return Err(NoForm::Text),
        })
    }

    /// The value as Postgres prints it: by the type's own output function, because some casts
    /// to text differ from it (`inet` gains a mask, `char(n)` loses its padding).
    fn as_text(&self, site: Use, column: &str) -> Result<Resolved, NoForm> {
        let (base, found) = self.base(site)?;
        if found.shape == Shape::Pseudo {
            return Err(NoForm::Pseudo);
        }
        let is_text = matches!(
            self.leaf(base, found, None),
            Ok(Leaf::Text | Leaf::Json | Leaf::Jsonb)
        ) || found.shape == Shape::Enum;
        let select = if is_text && base.oid != oid::JSONB {
            quote(column)
        } else {
            format!("pg_catalog.textin({}({}))", found.output, quote(column))
        };
        Ok(Resolved {
            kind: PostgresType::Leaf(Leaf::Text),
            select,
        })
    }

    /// An array whose elements have no other form than their text; `None` for other types.
    ///
    /// Arrays are printed and read again as arrays of text, for the reason above; where the
    /// elements are not divided by commas, as those of `box[]`, the cast does.
    fn as_texts(&self, site: Use, declared: Option<Conversion>, column: &str) -> Option<Resolved> {
        let (site, found) = self.base(site).ok()?;
        let Shape::Array(_) = found.shape else {
            return None;
        };
        let column = quote(column);
        let select = if found.delimiter == "," {
            format!(
                "pg_catalog.textin({}({column}))::pg_catalog.text[]",
                found.output
            )
        } else {
            format!("{column}::pg_catalog.text[]")
        };
        Some(Resolved {
            kind: PostgresType::Array {
                element: Box::new(PostgresType::Leaf(Leaf::Text)),
                element_oid: oid::TEXT,
                dimensions: dimensions(site, declared),
            },
            select,
        })
    }
}

/// A use of which nothing else is said.
fn bare(oid: u32) -> Use {
    Use {
        oid,
        modifier: -1,
        dimensions: 0,
    }
}

fn dimensions(site: Use, declared: Option<Conversion>) -> usize {
    match declared {
        Some(Conversion::Dimensions(dimensions)) => dimensions,
        _ => usize::try_from(site.dimensions)
            .unwrap_or(1)
            .clamp(1, MAX_DIMENSIONS),
    }
}

/// The form of a `numeric` with this modifier.
///
/// A negative scale rounds to whole tens or hundreds, so those digits are zeros before the
/// point; a scale above the precision means zeros behind it.
fn numeric(modifier: i32) -> Result<Leaf, NoForm> {
    // The modifier is ((precision << 16) | (scale & 0x7ff)) + 4, the scale signed in 11 bits.
    let packed = modifier
        .checked_sub(4)
        .filter(|packed| *packed >= 0)
        .ok_or(NoForm::Unbounded)?;
    let (precision, scale) = (packed >> 16, ((packed & 0x7ff) ^ 0x400) - 0x400);
    let precision = (precision - scale.min(0)).max(scale);
    let narrow = |number: i32| i8::try_from(number).map_err(|_| NoForm::TooWide);
    let precision = u8::try_from(precision).map_err(|_| NoForm::TooWide)?;
    if precision > DECIMAL_256_DIGITS {
        return Err(NoForm::TooWide);
    }
    Ok(Leaf::Numeric {
        precision,
        scale: narrow(scale.max(0))?,
    })
}

#[cfg(test)]
mod tests;
