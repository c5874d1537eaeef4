use super::*;
use crate::schema::ColumnType;

/// Ids of types that are no built-in ones.
const ENUM: u32 = 100_001;
const DOMAIN: u32 = 100_002;
const COMPOSITE: u32 = 100_003;
const INTERVAL: u32 = 1186;
const NUMERIC_ARRAY: u32 = 1231;
const BOX: u32 = 603;
const BOX_ARRAY: u32 = 1020;
const INTERVAL_ARRAY: u32 = 1187;
const NUMRANGE: u32 = 3906;
const INT4RANGE: u32 = 3904;
const INT4MULTIRANGE: u32 = 4451;
const RECORD: u32 = 2249;

fn modifier(precision: i32, scale: i32) -> i32 {
    ((precision << 16) | (scale & 0x7ff)) + 4
}

fn shapes() -> Vec<(u32, Shape, &'static str)> {
    let money = Use {
        modifier: modifier(9, 2),
        ..bare(oid::NUMERIC)
    };
    let parts = |second| {
        Shape::Composite(vec![
            ("a".to_owned(), bare(oid::INT4)),
            ("b".to_owned(), bare(second)),
        ])
    };
    vec![
        (ENUM, Shape::Enum, "enum_out"),
        (DOMAIN, Shape::Domain(money), "numeric_out"),
        (COMPOSITE, parts(DOMAIN), "record_out"),
        (COMPOSITE + 1, parts(INTERVAL), "record_out"),
        (COMPOSITE + 2, parts(oid::NUMERIC), "record_out"),
        (COMPOSITE + 3, Shape::Composite(Vec::new()), "record_out"),
        (INTERVAL, Shape::Base, "interval_out"),
        (NUMERIC_ARRAY, Shape::Array(oid::NUMERIC), "array_out"),
        (INTERVAL_ARRAY, Shape::Array(INTERVAL), "array_out"),
        (BOX_ARRAY, Shape::Array(BOX), "array_out"),
        (BOX, Shape::Base, "box_out"),
        (NUMRANGE, Shape::Range(oid::NUMERIC), "range_out"),
        (INT4RANGE, Shape::Range(oid::INT4), "range_out"),
        (
            INT4MULTIRANGE,
            Shape::Multirange(oid::INT4),
            "multirange_out",
        ),
        (RECORD, Shape::Pseudo, "record_out"),
    ]
}

fn catalog() -> Catalog {
    let built_in = [
        oid::BOOL,
        oid::INT2,
        oid::INT4,
        oid::INT8,
        oid::TEXT,
        oid::VARCHAR,
        oid::BPCHAR,
        oid::NUMERIC,
        oid::DATE,
        oid::TIMESTAMP,
        oid::TIMESTAMPTZ,
        oid::JSONB,
        oid::MONEY,
    ];
    let mut shapes = shapes();
    shapes.extend(built_in.map(|oid| (oid, Shape::Base, "some_out")));
    let types = shapes.into_iter().map(|(oid, shape, output)| {
        let is_box = matches!(oid, BOX | BOX_ARRAY);
        let found = CatalogType {
            shape,
            output: format!("pg_catalog.{output}"),
            delimiter: if is_box { ";" } else { "," }.to_owned(),
            is_sent_as_text: false,
        };
        (oid, found)
    });
    Catalog {
        types: types.collect(),
        money_scale: Some(2),
    }
}

fn natural(oid: u32, modifier: i32) -> Result<PostgresType, NoForm> {
    let site = Use {
        modifier,
        ..bare(oid)
    };
    catalog().natural(site, None, MAX_DEPTH)
}

/// The column `c` of `s.t` with a declared form.
fn resolved(oid: u32, form: Option<&str>) -> Result<Resolved, ExportError> {
    let column = Wanted {
        name: "c",
        type_oid: oid,
        modifier: -1,
        dimensions: 0,
        postgres: "its type",
    };
    let mut conversions = Conversions::default();
    if let Some(form) = form {
        let form = form.parse().unwrap();
        conversions.columns.insert("s.t.c".to_owned(), form);
    }
    resolve_column(&catalog(), "s.t", &column, &conversions)
}

#[test]
fn the_contracts_types_have_the_contracts_fields() {
    let pairs = [
        (oid::INT2, -1, ColumnType::SmallInt),
        (oid::INT4, -1, ColumnType::Integer),
        (oid::INT8, -1, ColumnType::BigInt),
        (oid::BOOL, -1, ColumnType::Boolean),
        (oid::TEXT, -1, ColumnType::Text),
        (oid::VARCHAR, 204, ColumnType::Varchar(200)),
        (oid::NUMERIC, modifier(18, 2), ColumnType::Numeric(18, 2)),
        (oid::DATE, -1, ColumnType::Date),
        (oid::TIMESTAMP, -1, ColumnType::Timestamp),
        (oid::TIMESTAMPTZ, -1, ColumnType::TimestampTz),
        (oid::JSONB, -1, ColumnType::Jsonb),
    ];
    for (type_oid, modifier, contract) in pairs {
        let found = natural(type_oid, modifier).unwrap();
        assert_eq!(found.field("x"), contract.field("x"), "{contract:?}");
    }
}

#[test]
fn a_numeric_has_as_many_digits_as_its_values_may_need() {
    let form = |precision, scale| Ok(PostgresType::Leaf(Leaf::Numeric { precision, scale }));
    for (declared, expected) in [
        ((38, 38), form(38, 38)),
        ((39, 0), form(39, 0)),
        ((76, 10), form(76, 10)),
        // 12300 of numeric(5,-2) has two digits more than it states; up to 9999900.
        ((5, -2), form(7, 0)),
        // 0.0099 is the largest of numeric(2,4).
        ((2, 4), form(4, 4)),
        ((77, 0), Err(NoForm::TooWide)),
        ((70, -7), Err(NoForm::TooWide)),
        ((3, 77), Err(NoForm::TooWide)),
        ((1000, -1000), Err(NoForm::TooWide)),
        ((3, 1000), Err(NoForm::TooWide)),
    ] {
        let found = natural(oid::NUMERIC, modifier(declared.0, declared.1));
        assert_eq!(found, expected, "{declared:?}");
    }
    assert_eq!(natural(oid::NUMERIC, -1), Err(NoForm::Unbounded));
    assert_eq!(natural(NUMERIC_ARRAY, -1), Err(NoForm::Unbounded));
}

#[test]
fn domains_and_enums_are_what_they_stand_on() {
    let money = Leaf::Numeric {
        precision: 9,
        scale: 2,
    };
    assert_eq!(natural(DOMAIN, -1), Ok(PostgresType::Leaf(money)));
    assert_eq!(natural(ENUM, -1), Ok(PostgresType::Leaf(Leaf::Text)));
}

#[test]
fn a_whole_is_text_when_a_part_has_no_form() {
    assert!(matches!(
        natural(COMPOSITE, -1),
        Ok(PostgresType::Composite(_))
    ));
    for whole in [COMPOSITE + 1, COMPOSITE + 2, COMPOSITE + 3, NUMRANGE] {
        assert_eq!(natural(whole, -1), Err(NoForm::Text), "{whole}");
    }
    assert!(matches!(
        natural(INT4MULTIRANGE, -1),
        Ok(PostgresType::Multirange(_))
    ));
    let whole = resolved(NUMRANGE, None).unwrap();
    assert_eq!(
        whole.select,
        "pg_catalog.textin(pg_catalog.range_out(\"c\"))"
    );
    assert_eq!(whole.kind, PostgresType::Leaf(Leaf::Text));
}

#[test]
fn text_is_what_the_types_own_output_function_prints() {
    let select = |oid, form| resolved(oid, form).unwrap().select;
    assert_eq!(
        select(INTERVAL, None),
        "pg_catalog.textin(pg_catalog.interval_out(\"c\"))"
    );
    assert_eq!(
        select(INTERVAL_ARRAY, None),
        "pg_catalog.textin(pg_catalog.array_out(\"c\"))::pg_catalog.text[]"
    );
    assert_eq!(select(BOX_ARRAY, None), "\"c\"::pg_catalog.text[]");
    assert_eq!(select(INT4RANGE, None), "\"c\"");
    assert_eq!(
        select(INT4RANGE, Some("text")),
        "pg_catalog.textin(pg_catalog.range_out(\"c\"))"
    );
    // A cast would take the padding of char(n) away.
    assert_eq!(select(oid::BPCHAR, Some("text")), "\"c\"");
}

#[test]
fn a_declaration_must_go_with_its_type() {
    let kind = |oid, form| resolved(oid, Some(form)).map(|found| found.kind);
    let decimal = PostgresType::Leaf(Leaf::Numeric {
        precision: 20,
        scale: 4,
    });
    assert_eq!(kind(oid::NUMERIC, "numeric(20,4)").unwrap(), decimal);
    let PostgresType::Array { element, .. } = kind(NUMERIC_ARRAY, "numeric(20,4)").unwrap() else {
        panic!("not an array");
    };
    assert_eq!(*element, decimal);
    let PostgresType::Array { dimensions, .. } = kind(INTERVAL_ARRAY, "[][]").unwrap() else {
        panic!("not an array");
    };
    assert_eq!(dimensions, 2);
    for (oid, form) in [
        (oid::INT4, "numeric(20,4)"),
        (oid::TEXT, "[]"),
        (INT4RANGE, "[][]"),
    ] {
        let refused = kind(oid, form);
        assert!(
            matches!(refused, Err(ExportError::DeclarationRefused { .. })),
            "{form}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_the_remedy() {
    let remedy = |oid| match resolved(oid, None) {
        Err(ExportError::TypeRefused { remedy, .. }) => remedy,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        remedy(oid::NUMERIC),
        "declare it in the settings file, below `[columns]`: \
         `\"s.t.c\" = \"numeric(20,4)\"`, or `\"text\"`"
    );
    assert_eq!(remedy(RECORD), "export a view without the column");
    assert!(resolved(RECORD, Some("text")).is_err());
}

#[test]
fn a_declared_column_that_is_not_there_is_named() {
    let column = Wanted {
        name: "amount",
        type_oid: oid::INT4,
        modifier: -1,
        dimensions: 0,
        postgres: "integer",
    };
    let mut conversions = Conversions::default();
    for declared in ["s.t.amuont", "s.other.x"] {
        let declared = declared.to_owned();
        conversions.columns.insert(declared, Conversion::Text);
    }
    let error = check_names("s.t", &[column], &conversions).unwrap_err();
    assert!(
        matches!(&error, ExportError::DeclaredColumnMissing { column, nearest, .. }
            if column == "amuont" && nearest.as_deref() == Some("amount")),
        "{error}"
    );
}
