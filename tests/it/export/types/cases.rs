//! The types and their edge values: what `docs/types.md` is made of.

/// A type with values that it takes, as SQL.
pub(super) struct Case {
    pub(super) postgres: &'static str,
    /// Values; null is tried for every type beside them.
    pub(super) values: &'static [&'static str],
    /// What Postgres prints in place of the column, where it is not the column itself.
    pub(super) printed: Option<&'static str>,
    /// What the column is declared as in the settings.
    pub(super) declared: Option<&'static str>,
}

const fn case(postgres: &'static str, values: &'static [&'static str]) -> Case {
    Case {
        postgres,
        values,
        printed: None,
        declared: None,
    }
}

const fn declared(
    postgres: &'static str,
    form: &'static str,
    values: &'static [&'static str],
) -> Case {
    Case {
        declared: Some(form),
        ..case(postgres, values)
    }
}

/// The types of our own that the cases use.
pub(super) const SETUP: &str = "
create schema m;
create extension citext schema m;
create extension hstore schema m;
create extension ltree schema m;
create extension cube schema m;
create extension isn schema m;
create type m.mood as enum ('sad', 'so so', 'щасливий', '');
create domain m.amount as numeric(9,2) check (value is null or value > -1000);
create domain m.amount_of_ours as m.amount not null;
create domain m.words as text[];
create domain m.code as text collate \"C\";
create type m.pair as (a integer, b text);
create type m.deep as (id uuid, p m.pair, l integer[], r int4range, o m.mood, d m.amount, j jsonb);
create type m.with_span as (a integer, s interval);
create type m.no_part as ();
create type m.textrange as range (subtype = text);
create type m.timerange as range (subtype = time, multirange_type_name = m.times);
create type m.inetrange as range (subtype = inet);
";

/// Types whose values land as they are, and those read as text.
pub(super) const CASES: &[Case] = &[
    case("smallint", &["-32768", "32767", "0", "-1"]),
    case("integer", &["-2147483648", "2147483647", "0", "-1"]),
    case(
        "bigint",
        &[
            "-9223372036854775808",
            "9223372036854775807",
            "0",
            "-1",
            "9007199254740993",
        ],
    ),
    case(
        "real",
        &[
            "0",
            "'-0'",
            "0.1",
            "3.4028235e38",
            "-3.4028235e38",
            "1e-45",
            "1.17549435e-38",
            "16777216",
            "123456.7",
            "1e6",
            "999999",
            "0.0001",
            "0.00001",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    ),
    case(
        "double precision",
        &[
            "0",
            "'-0'",
            "0.1",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "9007199254740993",
            "1e15",
            "999999999999999",
            "1e-5",
            "0.0001",
            "0.30000000000000004",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
        ],
    ),
    case("boolean", &["true", "false"]),
    case("numeric(1)", &["9", "-9", "0"]),
    case("numeric(4,4)", &["0.9999", "-0.0001", "0"]),
    case(
        "numeric(12,2)",
        &[
            "-0.00",
            "0.01",
            "-0.01",
            "-9999999999.99",
            "9999999999.99",
            "1234.5",
            "10000",
            "0.005",
            "1e9",
        ],
    ),
    case(
        "numeric(18,0)",
        &["999999999999999999", "-999999999999999999", "1e17"],
    ),
    case(
        "numeric(19,9)",
        &["9999999999.999999999", "-0.000000001", "1"],
    ),
    case(
        "numeric(38,0)",
        &[
            "99999999999999999999999999999999999999",
            "-99999999999999999999999999999999999999",
            "-0",
            "10000",
            "1e37",
            "170141183460469231731687303715884105727 / 100",
        ],
    ),
    case(
        "numeric(38,10)",
        &[
            "9999999999999999999999999999.9999999999",
            "-0.0000000001",
            "0.5",
            "100000000",
        ],
    ),
    case(
        "numeric(38,38)",
        &[
            "0.99999999999999999999999999999999999999",
            "-0.00000000000000000000000000000000000001",
        ],
    ),
    case(
        "numeric(39,0)",
        &[
            "999999999999999999999999999999999999999",
            "-999999999999999999999999999999999999999",
            "0",
            "1e38",
        ],
    ),
    case(
        "numeric(50,20)",
        &[
            "999999999999999999999999999999.99999999999999999999",
            "-0.00000000000000000001",
            "12345678.9",
        ],
    ),
    case(
        "numeric(76,0)",
        &[
            "9999999999999999999999999999999999999999999999999999999999999999999999999999",
            "-9999999999999999999999999999999999999999999999999999999999999999999999999999",
            "1e75",
            "-1",
            "340282366920938463463374607431768211456",
        ],
    ),
    case(
        "numeric(76,76)",
        &[
            "0.9999999999999999999999999999999999999999999999999999999999999999999999999999",
            "-1e-76",
            "0.5",
        ],
    ),
    case("numeric(5,-2)", &["12300", "-9999900", "49", "50", "0"]),
    case("numeric(2,4)", &["0.0099", "-0.0001", "0"]),
    case("numeric(38,-38)", &["1e75", "-1e38", "0"]),
    Case {
        printed: Some("v::numeric(20,4)"),
        ..declared(
            "numeric",
            "numeric(20,4)",
            &["9999999999999999.9999", "-0.0001", "1.5000000", "0", "7"],
        )
    },
    Case {
        printed: Some("v::numeric(60,30)"),
        ..declared(
            "numeric",
            "numeric(60,30)",
            &["1e29", "-1e-30", "0.1", "123456789012345678901234567890.5"],
        )
    },
    declared(
        "numeric",
        "text",
        &[
            "1e100",
            "1e-100",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1.50000",
            "-0",
            "0.000",
        ],
    ),
    declared("numeric(100,50)", "text", &["1e49", "-1e-50", "1.5"]),
    declared("numeric(12,2)", "text", &["'NaN'", "1.5"]),
    Case {
        printed: Some("v::numeric(20,4)[]"),
        ..declared(
            "numeric[]",
            "numeric(20,4)",
            &["'{1.5,NULL,-9999999999999999.9999}'", "'{}'"],
        )
    },
    Case {
        printed: Some("v::numeric"),
        ..case(
            "money",
            &[
                "92233720368547758.07",
                "-92233720368547758.08",
                "0",
                "-0.01",
                "1234.5",
            ],
        )
    },
    case(
        "text",
        &[
            "''",
            "' '",
            "'Київ, ґанок'",
            "e'a\\tb\\nc\\\\d\\r\\n'",
            "'😀'",
            "'NULL'",
            "'null'",
            "'\"'",
            "'''x'''",
            "e'\\u0301'",
            "'\u{feff}bom'",
            "e'\\x01\\x7f'",
            "repeat('x', 100000)",
            "repeat('ї', 70000)",
        ],
    ),
    case("varchar", &["''", "'0123456789'", "' a '"]),
    case("varchar(10)", &["''", "'0123456789'", "'ґґґґґґґґґґ'"]),
    case("char(4)", &["'ab'", "''", "'абвг'", "'    '"]),
    case("char", &["'x'", "''"]),
    case("\"char\"", &["'a'", "''"]),
    case("name", &["'pg_class'", "''", "repeat('n', 63)"]),
    case("m.citext", &["'MiXed'", "''", "'Їжак'"]),
    case("m.code", &["'Ab'", "''"]),
    case("m.mood", &["'sad'", "'so so'", "'щасливий'", "''"]),
    case("m.amount", &["9999999.99", "-999.99", "0"]),
    case(
        "bytea",
        &[
            "''",
            "'\\x00'",
            "'\\xdeadbeef'",
            "'\\x00ff00ff'",
            "decode(repeat('ab', 100000), 'hex')",
        ],
    ),
    case(
        "date",
        &[
            "'1970-01-01'",
            "'1969-12-31'",
            "'2024-02-29'",
            "'1900-03-01'",
            "'0044-03-15 BC'",
            "'0001-01-01 BC'",
            "'4714-11-24 BC'",
            "'9999-12-31'",
            "'10000-01-01'",
            "'0001-01-01'",
            "'5874897-12-31'",
        ],
    ),
    case(
        "time",
        &[
            "'00:00'",
            "'23:59:59.999999'",
            "'12:34:56.5'",
            "'00:00:00.000001'",
            "'23:59:60'::time - interval '1 us'",
        ],
    ),
    case("time(0)", &["'12:34:56.4'", "'00:00'"]),
    case(
        "timetz",
        &[
            "'00:00+15:59'",
            "'24:00-15:59'",
            "'12:34:56.789+02'",
            "'23:59:59.999999-00:30'",
        ],
    ),
    case(
        "timestamp",
        &[
            "'2024-03-31 03:30:00.123456'",
            "'1999-12-31 23:59:59.999999'",
            "'1970-01-01'",
            "'1969-12-31 23:59:59.999999'",
            "'0044-03-15 12:00:00.5 BC'",
            "'4714-11-24 00:00:00 BC'",
            "'294246-12-31 23:59:59.999999'",
            "'294247-01-10 04:00:54.775806'",
            "'0001-01-01'",
            "'9999-12-31 23:59:59.999999'",
        ],
    ),
    case(
        "timestamp(3)",
        &["'2024-03-31 03:30:00.1236'", "'1969-12-31 23:59:59.9994'"],
    ),
    case(
        "timestamptz",
        &[
            "'2024-03-31 03:30:00.000001+03'",
            "'1900-01-01 00:00:00-11:30'",
            "'1970-01-01+00'",
            "'0044-03-15 12:00+00 BC'",
            "'4714-11-24 00:00:00+00 BC'",
            "'294247-01-10 04:00:54.775806+00'",
            "'2023-10-29 01:30:00 Europe/Kyiv'",
        ],
    ),
    declared(
        "date",
        "text",
        &["'infinity'", "'-infinity'", "'2024-02-29'"],
    ),
    declared("time", "text", &["'24:00'", "'00:00'"]),
    declared(
        "timestamp",
        "text",
        &[
            "'infinity'",
            "'-infinity'",
            "'294276-12-31 23:59:59.999999'",
        ],
    ),
    declared(
        "timestamptz",
        "text",
        &[
            "'infinity'",
            "'-infinity'",
            "'294276-12-31 23:59:59.999999+00'",
        ],
    ),
    case(
        "interval",
        &[
            "'1 year 2 mons 3 days 04:05:06.789'",
            "'-1 day +02:03'",
            "'0'",
            "'-178000000 years'",
            "'178000000 years'",
            "'-00:00:00.000001'",
            "'1 mon -1 day'",
            "'2562047788:00:54.775807'",
        ],
    ),
    case("interval year to month", &["'1-2'", "'-5 years'"]),
    case(
        "uuid",
        &[
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "'{00112233-4455-6677-8899-aabbccddeeff}'",
        ],
    ),
    case(
        "json",
        &[
            "'{\"b\": 1,  \"a\": [null, \"ґ\"]}'",
            "'null'",
            "'\"\"'",
            "' 1.10 '",
            "'{\"a\":1,\"a\":2}'",
            "'\"\\u0000\"'",
            "e'{\\n \"a\" : 1\\n}'",
        ],
    ),
    case(
        "jsonb",
        &[
            "'{\"b\": 1,  \"a\": [null, \"ґ\"]}'",
            "'null'",
            "'\"\"'",
            "'1.10'",
            "'{\"a\":1,\"a\":2}'",
            "'[]'",
            "'1e400'",
            "'true'",
        ],
    ),
    case("jsonpath", &["'$.a[*] ? (@ > 1)'", "'$'"]),
    case(
        "inet",
        &[
            "'192.168.1.1'",
            "'192.168.1.1/24'",
            "'0.0.0.0/0'",
            "'::1'",
            "'2001:db8::/32'",
            "'::ffff:1.2.3.4'",
            "'255.255.255.255'",
        ],
    ),
    case(
        "cidr",
        &[
            "'10.0.0.0/8'",
            "'192.168.1.1/32'",
            "'::/0'",
            "'2001:db8::/32'",
        ],
    ),
    case("macaddr", &["'08:00:2b:01:02:03'", "'ffffffffffff'"]),
    case(
        "macaddr8",
        &["'08:00:2b:01:02:03:04:05'", "'0000000000000000'"],
    ),
    case("bit(5)", &["b'10101'", "b'00000'"]),
    case(
        "varbit",
        &["b''", "b'1'", "b'000000000000000000000000000000001'"],
    ),
    case(
        "xml",
        &[
            "'<a b=\"1\">x</a>'",
            "'text'",
            "''",
            "'<?xml version=\"1.0\" encoding=\"UTF-8\"?><a/>'",
            "'<ї/>'",
        ],
    ),
    case("pg_lsn", &["'0/0'", "'FFFFFFFF/FFFFFFFF'", "'16/B374D848'"]),
    case("oid", &["0", "4294967295", "1259"]),
    case("xid", &["'0'", "'4294967295'"]),
    case("cid", &["'0'", "'4294967295'"]),
    case("xid8", &["'0'", "'18446744073709551615'"]),
    case("tid", &["'(0,1)'", "'(4294967295,65535)'"]),
    case(
        "regclass",
        &["'pg_class'::regclass", "0::regclass", "987654::regclass"],
    ),
    case("regtype", &["'integer'::regtype", "'m.mood'::regtype"]),
    case("regproc", &["'now'::regproc", "0::regproc"]),
    case("regprocedure", &["'lower(text)'::regprocedure"]),
    case("regoper", &["'pg_catalog.||/'::regoper"]),
    case("regoperator", &["'+(integer,integer)'::regoperator"]),
    case("regrole", &["'postgres'::regrole"]),
    case("regnamespace", &["'pg_catalog'::regnamespace"]),
    case("regconfig", &["'simple'::regconfig"]),
    case("regdictionary", &["'simple'::regdictionary"]),
    case("regcollation", &["'\"C\"'::regcollation"]),
    case("refcursor", &["'c1'", "''"]),
    case(
        "tsvector",
        &["'a fat cat'", "'a:1A b:2,3'", "''", "$$'it''s' :1$$"],
    ),
    case("tsquery", &["'fat & (rat | !cat)'", "'a <-> b'", "''"]),
    case("txid_snapshot", &["'10:20:10,14,15'", "'1:1:'"]),
    case("pg_snapshot", &["'10:20:10,14,15'"]),
    case("aclitem", &["makeaclitem(10, 10, 'SELECT', false)"]),
    case("int2vector", &["'1 2 -3'", "''"]),
    case("oidvector", &["'1 4294967295'", "''"]),
    case("point", &["'(1,2)'", "'(0.1,-1e300)'", "'(NaN,Infinity)'"]),
    case("line", &["'{1,2,3}'"]),
    case("lseg", &["'[(1,2),(3,4)]'"]),
    case("box", &["'(3,4),(1,2)'"]),
    case("path", &["'((1,2),(3,4))'", "'[(1,2),(3,4)]'"]),
    case("polygon", &["'((0,0),(1,0.5),(0,1))'"]),
    case("circle", &["'<(1,2),3>'"]),
    case("m.hstore", &["'a=>1, b=>NULL, \"c d\"=>\"x,y\"'", "''"]),
    case("m.ltree", &["'a.b.c'", "''"]),
    case("m.cube", &["'(1,2),(3,4)'"]),
    case("m.isbn13", &["'978-0-393-04002-9'"]),
    case(
        "integer[]",
        &[
            "'{}'",
            "'{1}'",
            "'{NULL}'",
            "'{1,NULL,-2147483648}'",
            "array(select generate_series(1, 5000))",
        ],
    ),
    case("smallint[]", &["'{1,2}'", "'{}'"]),
    case("bigint[]", &["'{9223372036854775807,NULL}'"]),
    case("real[]", &["'{0.1,NaN,-Infinity,NULL}'"]),
    case("double precision[]", &["'{0.1,1e300,-0}'"]),
    case("boolean[]", &["'{t,f,NULL}'"]),
    case("numeric(9,2)[]", &["'{1.5,NULL,-9999999.99}'", "'{}'"]),
    case(
        "numeric(50,5)[]",
        &["'{1.5,NULL,-99999999999999999999999999999999999999999.99999}'"],
    ),
    case(
        "text[]",
        &[
            "'{}'",
            "array['']",
            "array['NULL', 'null', null]",
            "array['a,b', '{', '\"', e'\\\\', ' ', 'ґ']",
            "array[e'\\n', e'\\t']",
            "array['[1,2)', '(1,2)']",
        ],
    ),
    case("varchar(3)[]", &["'{abc,NULL}'"]),
    case("char(3)[]", &["'{a,NULL}'"]),
    case("m.citext[]", &["'{Ab,NULL}'"]),
    case("m.mood[]", &["'{sad,\"so so\",NULL,\"\"}'"]),
    case("m.amount[]", &["'{1.5,NULL}'"]),
    case("m.words", &["'{a,NULL}'", "'{}'"]),
    case("bytea[]", &["array['\\xdead'::bytea, null, '']"]),
    case("date[]", &["'{2024-02-29,NULL,0044-03-15 BC}'"]),
    case("time[]", &["'{12:34:56.5,NULL}'"]),
    case("timestamp[]", &["'{2024-03-31 03:30:00.5,NULL}'"]),
    case("timestamptz[]", &["'{2024-03-31 03:30:00.5+03,NULL}'"]),
    case("uuid[]", &["'{00112233-4455-6677-8899-aabbccddeeff,NULL}'"]),
    case("json[]", &["array['{\"a\": 1}'::json, null, '\"x\"']"]),
    case("jsonb[]", &["array['{\"a\": 1}'::jsonb, null, 'null']"]),
    case("interval[]", &["'{1 day,NULL,-00:00:01}'"]),
    case("inet[]", &["'{192.168.1.1,192.168.1.1/24,NULL}'"]),
    case("xml[]", &["array['<a/>'::xml, null]"]),
    Case {
        printed: Some("v::text[]"),
        ..case("box[]", &["'{(3,4),(1,2);(1,1),(0,0)}'"])
    },
    case("point[]", &["array[point(1,2), null]"]),
    case("bit(3)[]", &["'{101,NULL}'"]),
    case("oid[]", &["'{1,4294967295}'"]),
    case("m.hstore[]", &["array['a=>1'::m.hstore, null]"]),
    Case {
        printed: Some("v::numeric[]"),
        ..case(
            "money[]",
            &["array[1.5::money, null, '-92233720368547758.08']"],
        )
    },
    case(
        "integer[][]",
        &["'{{1,2},{3,NULL}}'", "'{}'", "'{{1}}'", "'{{1},{2},{3}}'"],
    ),
    case("text[][][]", &["'{{{a},{b}},{{c},{NULL}}}'", "'{}'"]),
    case("interval[][]", &["'{{1 day,2 days}}'"]),
    declared("integer[]", "[][]", &["'{{1,2},{3,4}}'"]),
    declared(
        "integer[]",
        "text",
        &["'{{1,2},{3,4}}'", "'[0:1]={1,2}'", "'{1}'", "'{}'"],
    ),
    case(
        "m.pair",
        &[
            "row(1, 'a')",
            "row(null, null)",
            "row(-1, '')",
            "row(1, 'a,\"b\" (c)')",
            "row(1, e'\\\\ ')",
        ],
    ),
    case(
        "m.pair[]",
        &[
            "array[row(1, 'a')::m.pair, null, row(null, 'NULL')::m.pair]",
            "'{}'",
        ],
    ),
    case(
        "m.deep",
        &[
            "row('00112233-4455-6677-8899-aabbccddeeff', row(1, 'x'), '{1,NULL}', '[1,5)', 'so so', 1.5, '{\"a\": \"b\"}')",
            "row(null, null, null, null, null, null, null)",
            "row(null, row(null, null), '{}', 'empty', '', -0.5, 'null')",
        ],
    ),
    case("m.with_span", &["row(1, '1 day')", "row(null, null)"]),
    case(
        "m.with_span[]",
        &["array[row(1, '1 day')::m.with_span, null]"],
    ),
    case("m.no_part", &["row()"]),
    case(
        "int4range",
        &[
            "'[1,5)'",
            "'(1,5]'",
            "'empty'",
            "'(,)'",
            "'[1,)'",
            "'(,1]'",
            "'[-2147483648,2147483647)'",
        ],
    ),
    case(
        "int8range",
        &["'[1,9223372036854775807)'", "'(,)'", "'empty'"],
    ),
    case("numrange", &["'[1.5,2.50)'", "'(,1e100]'", "'empty'"]),
    case(
        "daterange",
        &[
            "'[2024-01-01,2024-02-29]'",
            "'[2024-01-01,)'",
            "'(0044-03-15 BC,)'",
        ],
    ),
    case(
        "tsrange",
        &["'[2024-01-01 00:00:00.5,2024-01-02)'", "'(,)'"],
    ),
    case(
        "tstzrange",
        &["'[2024-01-01 00:00+02,2024-01-02 00:00+02]'", "'empty'"],
    ),
    case("m.timerange", &["'[08:00,16:30)'", "'(,)'"]),
    case(
        "m.textrange",
        &["'[a,b)'", "'[\"a,b\",\"c d\"]'", "'[\"\",)'"],
    ),
    case("m.inetrange", &["'[10.0.0.1,10.0.0.9)'"]),
    case(
        "int4range[]",
        &["array['[1,5)'::int4range, null, 'empty', '(,)']", "'{}'"],
    ),
    declared("tstzrange", "text", &["'[2024-01-01 00:00+02,infinity)'"]),
    case(
        "int4multirange",
        &["'{}'", "'{[1,5)}'", "'{[1,5),[7,9),(20,)}'", "'{(,)}'"],
    ),
    case(
        "datemultirange",
        &["'{[2024-01-01,2024-02-01),[2024-03-01,)}'"],
    ),
    case("nummultirange", &["'{[1.5,2),[3,4)}'", "'{}'"]),
    case(
        "tstzmultirange",
        &["'{[2024-01-01 00:00+00,2024-01-02 00:00+00)}'"],
    ),
    case("m.times", &["'{[08:00,12:00),[13:00,17:00)}'"]),
];

/// Types that are refused before any row is read, with the hint.
pub(super) const REFUSED_TYPES: &[(&str, Option<&str>, &str)] = &[
    (
        "numeric",
        None,
        "`\"m.refused.v\" = \"numeric(20,4)\"`, or `\"text\"`",
    ),
    (
        "numeric[]",
        None,
        "`\"m.refused.v\" = \"numeric(20,4)\"`, or `\"text\"`",
    ),
    ("numeric(77,0)", None, "`\"m.refused.v\" = \"text\"`"),
    ("numeric(1000,-1000)", None, "`\"m.refused.v\" = \"text\"`"),
    ("numeric(3,77)", None, "`\"m.refused.v\" = \"text\"`"),
    (
        "integer",
        Some("numeric(20,4)"),
        "`numeric(p,s)` is for `numeric` and arrays of it",
    ),
    ("text", Some("[][]"), "`[][]` for arrays"),
];

/// Values that are refused by row: type, declared form, value, problem, hint.
pub(super) const REFUSED_VALUES: &[(&str, Option<&str>, &str, &str, &str)] = &[
    (
        "numeric(9,2)",
        None,
        "'NaN'",
        "`NaN` has no decimal form",
        "`not_finite = \"null\"`",
    ),
    (
        "numeric",
        Some("numeric(9,2)"),
        "'Infinity'",
        "`infinity` has no finite form",
        "`not_finite = \"null\"`",
    ),
    (
        "numeric",
        Some("numeric(9,2)"),
        "'-Infinity'",
        "`infinity` has no finite form",
        "= \"text\"`",
    ),
    (
        "numeric",
        Some("numeric(9,2)"),
        "1.005",
        "the value does not fit into Decimal128(9, 2)",
        "= \"text\"`",
    ),
    (
        "numeric",
        Some("numeric(9,2)"),
        "10000000",
        "the value does not fit into Decimal128(9, 2)",
        "= \"text\"`",
    ),
    (
        "numeric",
        Some("numeric(60,2)"),
        "1.005",
        "the value does not fit into Decimal256(60, 2)",
        "= \"text\"`",
    ),
    (
        "numeric(9,2)[]",
        None,
        "'{1,NaN}'",
        "`NaN` has no decimal form",
        "= \"text\"`",
    ),
    (
        "date",
        None,
        "'infinity'",
        "`infinity` has no finite form",
        "`not_finite = \"null\"`",
    ),
    (
        "date",
        None,
        "'-infinity'",
        "`infinity` has no finite form",
        "`not_finite = \"null\"`",
    ),
    (
        "timestamp",
        None,
        "'infinity'",
        "`infinity` has no finite form",
        "= \"text\"`",
    ),
    (
        "timestamp",
        None,
        "'294247-01-10 04:00:54.775807'",
        "the value does not fit into Timestamp(µs)",
        "= \"text\"`",
    ),
    (
        "timestamp",
        None,
        "'294276-12-31'",
        "the value does not fit into Timestamp(µs)",
        "= \"text\"`",
    ),
    (
        "timestamptz",
        None,
        "'-infinity'",
        "`infinity` has no finite form",
        "= \"text\"`",
    ),
    (
        "timestamptz",
        None,
        "'294276-12-31 00:00+00'",
        "the value does not fit into Timestamp(µs, \"UTC\")",
        "= \"text\"`",
    ),
    (
        "time",
        None,
        "'24:00'",
        "`24:00:00` is no time of the day in Parquet",
        "= \"text\"`",
    ),
    (
        "integer[]",
        None,
        "'{{1,2}}'",
        "the array has 2 dimensions, the column is declared with 1",
        "= \"[][]\"`, if all rows",
    ),
    (
        "integer[][]",
        None,
        "'{1,2}'",
        "the array has 1 dimensions, the column is declared with 2",
        "= \"[]\"`, if all rows",
    ),
    (
        "integer[]",
        None,
        "'[0:1]={1,2}'",
        "the array begins at 0, and lists have no other lower bound than 1",
        "= \"text\"`",
    ),
    (
        "daterange",
        None,
        "'[2024-01-01,infinity)'",
        "a bound that is `infinity` has no form in a range",
        "= \"text\"`",
    ),
    (
        "tstzrange[]",
        None,
        "array['[-infinity,infinity]'::tstzrange]",
        "a bound that is `infinity` has no form in a range",
        "= \"text\"`",
    ),
    (
        "tsmultirange",
        None,
        "'{[2024-01-01,infinity)}'",
        "a bound that is `infinity` has no form in a range",
        "= \"text\"`",
    ),
];
