//! Which columns of a table are taken and which stay behind.
//!
//! In: the catalog's columns, the contract's table of that name, the policy of contacts and the
//! user's list. Out: the columns in the order of the file, or the first that stands in the way.

use std::collections::HashSet;

use super::contacts::TableContacts;
use super::error::ExportError;
use super::plan::Selection;
use super::relation::CatalogColumn;
use crate::error::nearest;
use crate::schema::Table;

/// Which columns are taken and which are not.
pub(super) struct Chosen {
    pub(super) columns: Vec<CatalogColumn>,
    pub(super) absent: Vec<String>,
    pub(super) left_out: Vec<String>,
}

impl Chosen {
    /// A table of the contract gives the contract's columns in the contract's order and no
    /// other; any other table gives all of its columns. Contacts follow where their policy
    /// lets them.
    pub(super) fn from_catalog(
        table: &str,
        found: &[CatalogColumn],
        contract: Option<&Table>,
        contacts: &TableContacts,
    ) -> Result<Self, ExportError> {
        let mut columns = Vec::new();
        let mut absent = Vec::new();
        if let Some(contract) = contract {
            for column in contract.columns {
                match found.iter().find(|candidate| candidate.name == column.name) {
                    Some(candidate) => columns.push(candidate.clone()),
                    None if column.required => {
                        return Err(column_missing(table, column.name, found));
                    }
                    None => absent.push(column.name.to_owned()),
                }
            }
            let is_contact = |name: &str| contract.contacts.iter().any(|it| it.column == name);
            let followers = found.iter().filter(|column| is_contact(&column.name));
            columns.extend(followers.cloned());
        } else {
            columns.extend_from_slice(found);
        }
        columns.retain(|column| contacts.takes(&column.name));
        Ok(Self {
            columns,
            absent,
            left_out: Vec::new(),
        })
    }

    /// Leaves what the user lists, in that order, and tells what stays behind.
    pub(super) fn narrowed(
        mut self,
        table: &str,
        found: &[CatalogColumn],
        wanted: &Selection,
    ) -> Result<Self, ExportError> {
        if let Some(wanted) = &wanted.columns {
            self.columns = self.listed(table, found, wanted)?;
        }
        if let Some(twice) = repeated(&self.columns) {
            return Err(ExportError::ColumnTwice {
                table: table.to_owned(),
                column: twice,
            });
        }
        if self.columns.is_empty() {
            return Err(ExportError::NoColumns {
                table: table.to_owned(),
            });
        }
        let is_taken = |name: &str| self.columns.iter().any(|taken| taken.name == name);
        let left_out = found.iter().filter(|column| !is_taken(&column.name));
        self.left_out = left_out.map(|column| column.name.clone()).collect();
        Ok(self)
    }

    fn listed(
        &self,
        table: &str,
        found: &[CatalogColumn],
        wanted: &[String],
    ) -> Result<Vec<CatalogColumn>, ExportError> {
        let mut columns = Vec::with_capacity(wanted.len());
        for name in wanted {
            let is_there = found.iter().any(|column| column.name == *name);
            match self.columns.iter().find(|column| column.name == *name) {
                Some(column) => columns.push(column.clone()),
                None if is_there => {
                    return Err(ExportError::ColumnNotAllowed {
                        table: table.to_owned(),
                        column: name.clone(),
                    });
                }
                None => return Err(column_missing(table, name, found)),
            }
        }
        Ok(columns)
    }
}

/// The first name that two columns bear.
fn repeated(columns: &[CatalogColumn]) -> Option<String> {
    let mut seen = HashSet::new();
    let mut names = columns.iter().map(|column| &column.name);
    names.find(|name| !seen.insert(*name)).cloned()
}

fn column_missing(table: &str, column: &str, found: &[CatalogColumn]) -> ExportError {
    let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    ExportError::ColumnMissing {
        table: table.to_owned(),
        column: column.to_owned(),
        present: names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
        nearest: nearest(column, names).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contacts::Contacts;
    use super::super::name::TableName;
    use super::super::plan::contract;
    use super::*;

    fn column(name: &str, type_oid: u32) -> CatalogColumn {
        CatalogColumn {
            name: name.to_owned(),
            type_oid,
            modifier: -1,
            postgres: String::new(),
            dimensions: 0,
        }
    }

    fn choose(
        found: &[CatalogColumn],
        contract: Option<&Table>,
        wanted: &Selection,
    ) -> Result<Chosen, ExportError> {
        let names = found.iter().map(|column| column.name.as_str());
        let contacts = Contacts::default().of_table("t", contract, names)?;
        Chosen::from_catalog("t", found, contract, &contacts)?.narrowed("t", found, wanted)
    }

    #[test]
    fn a_table_of_the_contract_gives_the_contracts_columns_and_no_other() {
        let found = [
            "passport",
            "currentdate",
            "contract_id",
            "id_source",
            "total_cost_of_the_contract",
        ]
        .map(|name| column(name, 20));
        let contract = contract(&TableName::parse("raw.itcrm_docs_clients").unwrap());
        let all = Selection::default();
        let chosen = choose(&found, contract, &all).unwrap();
        let names = |chosen: &Chosen| -> Vec<String> {
            chosen
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect()
        };
        assert_eq!(
            names(&chosen),
            [
                "contract_id",
                "id_source",
                "currentdate",
                "total_cost_of_the_contract"
            ]
        );
        assert_eq!(chosen.left_out, ["passport"]);
        let error = choose(&found[..3], contract, &all).err().unwrap();
        assert!(
            matches!(error, ExportError::ColumnMissing { ref column, .. } if column == "id_source")
        );
    }

    #[test]
    fn listed_columns_narrow_the_allowed_ones() {
        let found = ["a", "b", "c"].map(|name| column(name, 20));
        let wanted = |names: &[&str]| Selection {
            columns: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            condition: None,
        };
        let chosen = choose(&found, None, &wanted(&["c", "a"])).unwrap();
        assert_eq!(chosen.columns[0].name, "c");
        assert_eq!(chosen.left_out, ["b"]);
        let missing = choose(&found, None, &wanted(&["d"])).err();
        assert!(matches!(missing, Some(ExportError::ColumnMissing { .. })));
        let twice = choose(&found, None, &wanted(&["a", "a"])).err();
        assert!(matches!(twice, Some(ExportError::ColumnTwice { .. })));
        let documents = contract(&TableName::parse("raw.itcrm_docs_clients").unwrap());
        let found = [
            "passport",
            "currentdate",
            "contract_id",
            "id_source",
            "total_cost_of_the_contract",
        ]
        .map(|name| column(name, 20));
        let personal = choose(&found, documents, &wanted(&["passport"])).err();
        assert!(matches!(
            personal,
            Some(ExportError::ColumnNotAllowed { .. })
        ));
    }
}
