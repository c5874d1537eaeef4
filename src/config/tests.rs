use super::*;
use crate::error::Failure;

/// A folder with a settings file, and what a load of it gives.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with_file(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        Self { folder }
    }

    fn load(&self, variables: &[(&str, &str)], flags: Dict) -> Result<Config, ConfigError> {
        Config::load(
            &Environment::new(self.folder.path(), variables, 4),
            None,
            flags,
        )
    }

    /// The message of a failed load, with the folder's name taken out.
    fn refusal(&self, variables: &[(&str, &str)]) -> String {
        let failure = Failure::from(self.load(variables, Dict::new()).unwrap_err());
        failure
            .to_string()
            .replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

fn listed(config: &Config, name: &str) -> (Option<String>, Origin) {
    let line = config
        .listing
        .iter()
        .find(|line| line.name == name)
        .unwrap();
    (line.value.clone(), line.origin.clone())
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let place = Place::with_file("currency = \"EUR\"\nmemory = \"1GB\"\nthreads = 2\n");
    let variables = [("TOUCHPATH_MEMORY", "512MB"), ("TOUCHPATH_THREADS", "3")];
    let flags = Dict::from([("threads".to_owned(), Value::from(1_u64))]);
    let config = place.load(&variables, flags).unwrap();

    assert_eq!((config.threads, config.memory), (1, 512 << 20));
    assert_eq!(
        (config.currency.as_str(), &config.rules),
        ("EUR", &Rules::Named("v10".to_owned()))
    );
    let file = Origin::File(place.folder.path().join(FILE_NAME));
    let variable = Origin::Variable("TOUCHPATH_MEMORY".to_owned());
    assert_eq!(
        listed(&config, "rules"),
        (Some("v10".to_owned()), Origin::Default)
    );
    assert_eq!(listed(&config, "currency"), (Some("EUR".to_owned()), file));
    assert_eq!(
        listed(&config, "memory"),
        (Some("512MB".to_owned()), variable)
    );
    let flag = Origin::Flag("--threads".to_owned());
    assert_eq!(listed(&config, "threads"), (Some("1".to_owned()), flag));
}

#[test]
fn the_file_is_found_from_a_folder_below_and_its_paths_are_meant_from_it() {
    let place = Place::with_file("lake = \"lake\"\nout = \"s3://b/p\"\nrules = \"mine.toml\"\n");
    let below = place.folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let config = Config::load(&Environment::new(&below, &[], 1), None, Dict::new()).unwrap();
    assert_eq!(
        config.lake,
        Some(place.folder.path().join("lake").display().to_string())
    );
    assert_eq!(config.out.as_deref(), Some("s3://b/p"));
    assert_eq!(
        config.rules,
        Rules::File(place.folder.path().join("mine.toml"))
    );
}

#[test]
fn forms_of_columns_are_read_and_listed_by_column() {
    let place = Place::with_file(
        "not_finite = \"duckdb\"\n[columns]\n\"stg.t.amount\" = \"numeric(20,4)\"\n",
    );
    let config = place
        .load(&[("TOUCHPATH_NOT_FINITE", "null")], Dict::new())
        .unwrap();
    assert_eq!(config.columns["stg.t.amount"], "numeric(20,4)");
    assert_eq!(config.not_finite, NotFinite::Null);
    let (value, _) = listed(&config, "columns.stg.t.amount");
    assert_eq!(value.as_deref(), Some("numeric(20,4)"));
}

#[test]
fn results_go_to_the_lake_unless_told_otherwise() {
    let config = Place::with_file("")
        .load(&[("TOUCHPATH_LAKE", "x")], Dict::new())
        .unwrap();
    assert_eq!(config.out.as_deref(), Some("x"));
}

#[test]
fn every_kind_of_value_is_read_from_a_file_and_from_variables() {
    let file = Place::with_file(
        "since = 2025-01-01\nmodels = [\"linear\", \"first_touch\"]\nlookback_days = 30\n\
         publish_failed = true\nlog_format = \"json\"\ntime_zone = \"UTC\"\n[limits]\nunmatched = 0.5\n",
    );
    let variables = [
        ("TOUCHPATH_SINCE", "2025-01-01"),
        ("TOUCHPATH_MODELS", "linear, first_touch"),
        ("TOUCHPATH_LOOKBACK_DAYS", "30"),
        ("TOUCHPATH_PUBLISH_FAILED", "true"),
        ("TOUCHPATH_LOG_FORMAT", "json"),
        ("TOUCHPATH_TIME_ZONE", "UTC"),
    ];
    let from_file = file.load(&[], Dict::new()).unwrap();
    let from_variables = Place::with_file("").load(&variables, Dict::new()).unwrap();
    for config in [&from_file, &from_variables] {
        assert_eq!(config.since, NaiveDate::from_ymd_opt(2025, 1, 1));
        assert_eq!(config.models.as_deref().unwrap(), ["linear", "first_touch"]);
        assert_eq!(config.lookback_days, Some(30));
        assert!(config.publish_failed);
        assert_eq!(
            (config.log_format, config.time_zone),
            (LogFormat::Json, Tz::UTC)
        );
    }
    assert_eq!(
        from_file.limits,
        BTreeMap::from([("unmatched".to_owned(), 0.5)])
    );
}

#[test]
fn a_name_that_looks_like_a_number_stays_a_name() {
    let config = Place::with_file("")
        .load(&[("TOUCHPATH_RULES", "10")], Dict::new())
        .unwrap();
    assert_eq!(config.rules, Rules::Named("10".to_owned()));
}

#[test]
fn an_unknown_key_is_named_with_its_file_and_the_key_that_was_meant() {
    assert_eq!(
        Place::with_file("curency = \"EUR\"").refusal(&[]),
        "error: FOLDER/touchpath.toml: there is no setting `curency`\n\n\
         hint: did you mean `currency`?"
    );
}

#[test]
fn a_misspelt_variable_is_refused_and_a_foreign_one_is_left_alone() {
    let place = Place::with_file("");
    assert_eq!(
        place.refusal(&[("TOUCHPATH_LOOKBAK_DAYS", "3")]),
        "error: TOUCHPATH_LOOKBAK_DAYS: there is no setting `lookbak_days`\n\n\
         hint: did you mean `lookback_days`?"
    );
    assert!(
        place
            .load(&[("TOUCHPATH_GREETING", "hello")], Dict::new())
            .is_ok()
    );
}

#[test]
fn a_wrong_value_is_named_with_where_it_stands_and_what_was_expected() {
    for (file, message) in [
        (
            "threads = \"many\"",
            "`threads` must be a whole number above zero, found `many`",
        ),
        (
            "threads = 0",
            "`threads` must be a whole number above zero, found `0`",
        ),
        (
            "lookback_days = -1",
            "`lookback_days` must be a whole number above zero, found `-1`",
        ),
        (
            "lake = 3",
            "`lake` must be a folder or `s3://bucket/prefix`, found `3`",
        ),
        (
            "since = \"soon\"",
            "`since` must be a date such as `2025-01-01`, found `soon`",
        ),
        (
            "memory = \"2 cats\"",
            "`memory` must be a size such as `512MB` or `2GB`, found `2 cats`",
        ),
        (
            "models = \"linear\"",
            "`models` must be a list of names, found `linear`",
        ),
        (
            "log_format = \"xml\"",
            "`log_format` must be `text` or `json`, found `xml`",
        ),
        (
            "[columns]\n\"s.t.c\" = 5",
            "`columns.s.t.c` must be a text, found `5`",
        ),
        (
            "not_finite = \"keep\"",
            "`not_finite` must be `refuse`, `null` or `duckdb`, found `keep`",
        ),
        (
            "[limits]\nunmatched = \"few\"",
            "`limits.unmatched` must be a number, found `few`",
        ),
    ] {
        let refusal = Place::with_file(file).refusal(&[]);
        assert_eq!(refusal, format!("error: FOLDER/touchpath.toml: {message}"));
    }
    assert_eq!(
        Place::with_file("").refusal(&[("TOUCHPATH_TIME_ZONE", "Europe/Kyv")]),
        "error: TOUCHPATH_TIME_ZONE: `time_zone` must be a time zone such as `Europe/Kyiv`, \
         found `Europe/Kyv`\n\nhint: did you mean `Europe/Kyiv`?"
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let refusal =
        Place::with_file("lake = \"x\"\nfrom = \"postgres://a:s3cret@db\nout =\n").refusal(&[]);
    // The parser's own text would show the line.
    assert!(
        refusal.starts_with("error: `FOLDER/touchpath.toml` is not TOML: line 2, column "),
        "{refusal}"
    );
    assert!(!refusal.contains("s3cret"), "{refusal}");
}

#[test]
fn passwords_are_masked_in_the_listing_and_refused_on_the_command_line() {
    let place = Place::with_file("");
    let variables = [
        ("TOUCHPATH_FROM", "postgres://me:pw@db/crm"),
        ("PGPASSWORD", "pw"),
    ];
    let config = place.load(&variables, Dict::new()).unwrap();
    assert_eq!(
        config.from.as_ref().unwrap().expose(),
        "postgres://me:pw@db/crm"
    );
    assert_eq!(
        listed(&config, "from").0.unwrap(),
        "postgres://me:***@db/crm"
    );
    assert_eq!(listed(&config, "password").0.unwrap(), "***");
    assert!(!format!("{config:?}").contains("pw"), "{config:?}");

    let flags = Dict::from([("from".to_owned(), Value::from("postgres://me:pw@db/crm"))]);
    let failure = Failure::from(place.load(&[], flags).unwrap_err()).to_string();
    assert!(
        failure.starts_with("error: --from holds a password"),
        "{failure}"
    );
    assert!(!failure.contains("pw@"), "{failure}");
}

#[test]
fn sizes_are_powers_of_1024_and_nothing_is_no_size() {
    // 512 * 1024 * 1024 and 3 * 1024^3, by hand.
    assert_eq!(size("512MB"), Some(536_870_912));
    assert_eq!(size("3 gb"), Some(3_221_225_472));
    assert_eq!(size("1000"), Some(1000));
    for text in ["", "MB", "0", "-1GB", "1.5GB", "99999999999999999999"] {
        assert_eq!(size(text), None, "{text}");
    }
}

#[test]
fn flags_that_are_not_given_say_nothing() {
    #[derive(serde::Serialize)]
    struct Arguments {
        lake: Option<String>,
        out: Option<String>,
        publish_failed: bool,
        models: Vec<String>,
    }
    let arguments = Arguments {
        lake: Some("x".to_owned()),
        out: None,
        publish_failed: false,
        models: Vec::new(),
    };
    assert_eq!(
        flags(&arguments),
        Dict::from([("lake".to_owned(), Value::from("x"))])
    );
}

#[test]
fn contacts_are_hashed_where_a_key_is_named_and_else_left_out() {
    let unset = Place::with_file("").load(&[], Dict::new()).unwrap();
    assert_eq!(unset.contacts, ContactPolicy::Drop);
    let default = (Some("drop".to_owned()), Origin::Default);
    assert_eq!(listed(&unset, "contacts"), default);

    let place = Place::with_file(
        "contacts_key_file = \"key\"\n[contact_columns]\n\"raw.people.mobile\" = \"phone\"\n",
    );
    let with_key = place.load(&[], Dict::new()).unwrap();
    assert_eq!(with_key.contacts, ContactPolicy::Hmac);
    assert_eq!(
        with_key.contacts_key_file,
        Some(place.folder.path().join("key"))
    );
    assert_eq!(
        with_key.contact_columns,
        BTreeMap::from([("raw.people.mobile".to_owned(), ContactColumn::Phone)])
    );
    let kept = place.load(&[("TOUCHPATH_CONTACTS", "keep")], Dict::new());
    assert_eq!(kept.unwrap().contacts, ContactPolicy::Keep);
}

#[test]
fn a_policy_or_a_kind_of_contact_that_is_none_is_named() {
    let place = Place::with_file("[contact_columns]\n\"raw.t.x\" = \"fax\"\n");
    assert_eq!(
        place.refusal(&[]),
        "error: FOLDER/touchpath.toml: `contact_columns.raw.t.x` must be `phone` or `email`, \
         found `fax`"
    );
    assert_eq!(
        Place::with_file("").refusal(&[("TOUCHPATH_CONTACTS", "hash")]),
        "error: TOUCHPATH_CONTACTS: `contacts` must be `drop`, `hmac` or `keep`, found `hash`"
    );
}
