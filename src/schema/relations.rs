//! Which columns tie a row to a client: the way from a client to everything that is known of it.
//!
//! One line per column, of the tables in [`super::TABLES`] and of the CRM's other tables that
//! an export may have brought into a lake. `lake::forget` follows them.

/// What a column names, the ties that are surer first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// The client itself.
    Client,
    /// A CRM event; it has one client.
    Event,
    /// A web request; relations tie it to events.
    Request,
    /// A lead left in Facebook's form.
    Lead,
    /// A click on one of Google's ads.
    Click,
    /// A phone number, as it is or hashed.
    Phone,
    /// An e-mail address, as it is or hashed.
    Email,
}

impl Tie {
    /// Whether the column holds whole numbers; the others hold text.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Client | Self::Event | Self::Request)
    }
}

/// The columns of a table that tie its rows to clients, the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// `raw` or `stg`.
    pub schema: &'static str,
    /// The table's name.
    pub table: &'static str,
    /// Column and what it names.
    pub ties: &'static [(&'static str, Tie)],
}

const fn relation(
    schema: &'static str,
    table: &'static str,
    ties: &'static [(&'static str, Tie)],
) -> Relation {
    Relation {
        schema,
        table,
        ties,
    }
}

const EVENT: &[(&str, Tie)] = &[("id_source", Tie::Event)];
const EVENT_AND_REQUEST: &[(&str, Tie)] =
    &[("id_source", Tie::Event), ("id_request", Tie::Request)];

/// Every table whose rows can be a client's.
pub const RELATIONS: &[Relation] = &[
    relation(
        "stg",
        "crm_events",
        &[("client_id", Tie::Client), ("id_source", Tie::Event)],
    ),
    relation(
        "raw",
        "itcrm_new_source",
        &[("id_uniq", Tie::Client), ("id_source", Tie::Event)],
    ),
    relation(
        "raw",
        "itcrm_new_source_w_names",
        &[("id_uniq", Tie::Client), ("id_source", Tie::Event)],
    ),
    relation(
        "raw",
        "itcrm_source_events",
        &[("id_uniq", Tie::Client), ("id_source", Tie::Event)],
    ),
    relation(
        "stg",
        "fact_leads",
        &[
            ("client_id", Tie::Client),
            ("lead_source_id", Tie::Event),
            ("phone", Tie::Phone),
            ("email", Tie::Email),
        ],
    ),
    relation(
        "stg",
        "fact_contracts",
        &[
            ("client_id", Tie::Client),
            ("contract_source_id", Tie::Event),
        ],
    ),
    relation(
        "stg",
        "source_attribution",
        &[
            ("id_source", Tie::Event),
            // Staged by the original, not among the columns that are exported.
            ("fb_lead_id", Tie::Lead),
            ("gclid", Tie::Click),
            ("phone", Tie::Phone),
            ("email", Tie::Email),
        ],
    ),
    relation(
        "stg",
        "marketing_match",
        &[("id_source", Tie::Event), ("fb_lead_id", Tie::Lead)],
    ),
    relation("raw", "itcrm_docs_clients", EVENT),
    relation("raw", "itcrm_events_relations", EVENT),
    relation("raw", "itcrm_new_form", EVENT),
    relation("raw", "itcrm_new_payment", EVENT),
    relation("raw", "itcrm_promo_source_relations", EVENT),
    relation("raw", "crm_orders", EVENT),
    relation("raw", "itcrm_internet_request_relation", EVENT_AND_REQUEST),
    relation("raw", "itcrm_internet_request_analytics", EVENT_AND_REQUEST),
    relation(
        "raw",
        "itcrm_internet_request",
        &[
            ("request_id", Tie::Request),
            ("phone", Tie::Phone),
            ("email", Tie::Email),
        ],
    ),
    relation(
        "raw",
        "itcrm_analytics",
        &[
            ("internet_request_id", Tie::Request),
            ("gclid", Tie::Click),
            ("phone", Tie::Phone),
            ("email", Tie::Email),
        ],
    ),
    relation(
        "raw",
        "fb_leads",
        &[
            ("fb_lead_id", Tie::Lead),
            ("phone", Tie::Phone),
            ("email", Tie::Email),
        ],
    ),
    relation("raw", "google_ads_clicks", &[("gclid", Tie::Click)]),
];

/// The columns that tie rows of a run's datasets, built-in or a user's own, to clients.
pub const RESULT_TIES: &[(&str, Tie)] = &[
    ("client_id", Tie::Client),
    ("event_source_id", Tie::Event),
    ("contract_source_id", Tie::Event),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TABLES;

    #[test]
    fn ties_of_known_tables_name_their_columns() {
        for table in TABLES {
            let relation = RELATIONS
                .iter()
                .find(|relation| relation.schema == table.schema && relation.table == table.name);
            for (column, _) in relation.map_or(&[][..], |relation| relation.ties) {
                let is_known = table.columns.iter().any(|known| known.name == *column)
                    || table.contacts.iter().any(|known| known.column == *column);
                let is_foreign = *column == "fb_lead_id" && table.name == "source_attribution";
                assert!(is_known || is_foreign, "{}.{column}", table.qualified());
            }
        }
    }

    #[test]
    fn every_column_that_could_tie_is_a_tie() {
        const TYING: [&str; 10] = [
            "client_id",
            "id_uniq",
            "id_source",
            "id_request",
            "request_id",
            "internet_request_id",
            "fb_lead_id",
            "gclid",
            "phone",
            "email",
        ];
        for table in TABLES {
            let columns = table.columns.iter().map(|column| column.name);
            let contacts = table.contacts.iter().map(|contact| contact.column);
            for column in columns.chain(contacts).filter(|name| TYING.contains(name)) {
                let is_tie = RELATIONS.iter().any(|relation| {
                    (relation.schema, relation.table) == (table.schema, table.name)
                        && relation.ties.iter().any(|(name, _)| *name == column)
                });
                assert!(is_tie, "{}.{column}", table.qualified());
            }
        }
    }

    #[test]
    fn the_surest_tie_stands_first_and_no_table_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for relation in RELATIONS {
            assert!(
                seen.insert((relation.schema, relation.table)),
                "{}",
                relation.table
            );
            assert!(relation.ties.is_sorted_by_key(|(_, tie)| *tie));
        }
    }
}
