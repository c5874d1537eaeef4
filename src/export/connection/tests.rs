use super::super::error::ExportError;
use super::*;
use crate::error::Failure;

fn parse(url: &str) -> Result<Database, ConnectionError> {
    Database::parse(url, UrlSource::Settings, None)
}

#[test]
fn a_database_prints_without_its_password() {
    let database = parse("postgres://anna:s3cret@db.example:5433/crm?sslmode=require").unwrap();
    assert_eq!(database.to_string(), "anna@db.example:5433/crm");
    assert_eq!(
        format!("{database:?}"),
        "Database(anna@db.example:5433/crm)"
    );
    let socket = parse("postgresql:///crm?host=/run/postgresql&user=anna").unwrap();
    assert_eq!(socket.to_string(), "anna@/run/postgresql:5432/crm");
    let several = parse("host=a,::1 port=1,2 user=anna password=s3cret").unwrap();
    assert_eq!(several.to_string(), "anna@a:1,[::1]:2/anna");
}

#[test]
fn a_password_among_the_arguments_is_refused_and_not_repeated() {
    for url in [
        "postgres://anna:s3cret@db/crm",
        "postgres://anna:s3cret@db1:1,db2:2/crm",
        "postgres://anna@db/crm?password=s3cret",
        "postgres://anna@db/crm?pass%77ord=s3cret",
        "host=db password = s3cret",
        "host=db sslpassword=s3cret",
    ] {
        let error = Database::parse(url, UrlSource::Argument, None).unwrap_err();
        assert!(matches!(error, ConnectionError::PublicPassword), "{url}");
        assert!(!Failure::from(error).to_string().contains("s3cret"));
    }
    assert!(Database::parse("postgres://anna@db/crm", UrlSource::Argument, Some("x")).is_ok());
}

#[test]
fn no_error_repeats_what_may_be_a_password() {
    let urls = [
        "s3cret",
        "postgres://anna:s3cret@s3cret@db/crm",
        "postgres://anna:1/s3cret@db/crm",
        "postgres://anna:1?s3cret=@db/crm",
        "postgres://anna:x@db/crm?s3cret=1",
        "postgres://anna:x@db/crm?sslmode=s3cret",
        "postgres://anna:x@db/crm?connect_timeout=s3cret",
        "postgres://anna:x@db:s3cret/crm",
        "host=db port=s3cret",
        "host=db hostaddr=s3cret",
        "service=s3cret",
    ];
    for url in urls {
        let error = parse(url).unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains("s3cret"), "{url}: {said}");
    }
    let around = Surroundings::new(&[("PGPASSWORD", "s3cret"), ("PGHOST", "db")]);
    let database = Database::resolve(None, &around).unwrap();
    assert!(!format!("{around:?} {database:?}").contains("s3cret"));
}

#[test]
fn tls_is_the_default_away_from_this_machine() {
    let cases = [
        ("postgres://a@localhost/x", false),
        ("postgres://a@127.0.0.1/x", false),
        ("postgres://a@[::1]/x?sslmode=prefer", false),
        ("postgres://a@%2Frun%2Fpostgresql/x?sslmode=require", false),
        ("postgres://a@localhost/x?sslmode=verify-full", true),
        ("postgres://a@localhost/x?sslrootcert=system", true),
        ("postgres://a@localhost/x?channel_binding=require", true),
        ("postgres://a@db.example/x", true),
        (
            "postgres://a@db.example/x?sslmode=prefer&application_name=y",
            true,
        ),
        (
            "postgres://a@db.example/x?application_name=y&sslmode=disable",
            false,
        ),
        ("postgres://a@localhost,db.example/x", true),
        ("postgres://a@localhost/x?hostaddr=192.0.2.1", true),
        ("hostaddr=127.0.0.1 host=db.example user=a", false),
    ];
    for (url, with_tls) in cases {
        assert_eq!(parse(url).unwrap().with_tls(), with_tls, "{url}");
    }
    let error = parse("host=db sslrootcert=system sslmode=require").unwrap_err();
    assert!(
        error.to_string().contains("must be `verify-full`"),
        "{error}"
    );
}

/// The password that each target got.
fn passwords(database: &Database) -> Vec<Option<String>> {
    let targets = database.0.targets.iter();
    targets
        .map(|target| {
            let password = target.config.get_password()?;
            Some(String::from_utf8(password.to_vec()).unwrap())
        })
        .collect()
}

#[test]
fn the_url_comes_before_the_service_the_variables_and_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let services = folder.path().join("services");
    std::fs::write(&services, "[crm]\nhost=service\nport=1\nuser=service\n").unwrap();
    let mut around = Surroundings::new(&[
        ("PGSERVICEFILE", services.to_str().unwrap()),
        ("PGSERVICE", "crm"),
        ("PGHOST", "variable"),
        ("PGPORT", "2"),
        ("PGUSER", "variable"),
        ("PGDATABASE", "variable"),
        ("PGAPPNAME", ""),
    ]);
    around.user = Some("os".to_owned());
    let shown = |url: Option<&str>, around: &Surroundings| {
        let url = url.map(|url| (url, UrlSource::Settings));
        Database::resolve(url, around).unwrap().to_string()
    };
    assert_eq!(shown(None, &around), "service@service:1/variable");
    assert_eq!(
        shown(Some("postgres://url"), &around),
        "service@url:1/variable"
    );
    around.variables.remove("PGSERVICE");
    assert_eq!(
        shown(Some("service=crm dbname=url"), &around),
        "service@service:1/url"
    );
    assert_eq!(shown(None, &around), "variable@variable:2/variable");
    around.variables.remove("PGUSER");
    around.variables.remove("PGDATABASE");
    assert_eq!(shown(None, &around), "os@variable:2/os");
    // Nothing names a database: a port or a user alone does not.
    around.variables.remove("PGHOST");
    let error = Database::resolve(None, &around).unwrap_err();
    assert!(matches!(error, ConnectionError::NoDatabase), "{error:?}");
}

#[test]
fn the_password_comes_from_the_url_the_variable_the_setting_and_the_password_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let pgpass = folder.path().join(".pgpass");
    std::fs::write(&pgpass, "a:*:*:*:of a\nb:1:crm:anna:of b\n").unwrap();
    std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o600)).unwrap();
    let setting = folder.path().join("password");
    std::fs::write(&setting, " setting \r\n").unwrap();
    let mut around = Surroundings::new(&[("PGPASSWORD", "variable")]);
    around.home = Some(folder.path().to_owned());
    around.password_file = Some(setting.clone());
    let found = |url: &str, around: &Surroundings| {
        passwords(&Database::resolve(Some((url, UrlSource::Settings)), around).unwrap())
    };
    let all = |password: &str| vec![Some(password.to_owned())];
    assert_eq!(found("postgres://anna:url@a/crm", &around), all("url"));
    assert_eq!(found("postgres://anna@a/crm", &around), all("variable"));
    around.variables.clear();
    assert_eq!(found("postgres://anna@a/crm", &around), all(" setting "));
    around.password_file = None;
    // Each host has its own.
    let several = "postgres://anna@a,b:1,b:2/crm";
    assert_eq!(
        found(several, &around),
        [Some("of a".to_owned()), Some("of b".to_owned()), None]
    );
    let other = folder.path().join("other");
    assert_eq!(
        found(
            &format!("host=a user=anna passfile={}", other.display()),
            &around
        ),
        [None]
    );
    std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = Database::resolve(Some((several, UrlSource::Settings)), &around).unwrap_err();
    let failure = Failure::from(error).to_string();
    assert!(failure.contains("can be read by others"), "{failure}");
    assert!(failure.contains("chmod 600"), "{failure}");
}

#[test]
fn only_what_a_later_try_may_mend_counts_as_a_lost_connection() {
    let server = |action, code: &str| ExportError::Server {
        action,
        database: "x".to_owned(),
        source: super::super::ServerError {
            code: code.to_owned(),
            message: String::new(),
        },
    };
    for (action, code, is_lost) in [
        ("read from", "57P01", true),
        ("connect to", "57P03", true),
        ("read from", "08006", true),
        ("read from", "08P01", true),
        ("connect to", "08P01", false),
        ("connect to", "08004", false),
        ("connect to", "28P01", false),
        ("connect to", "3D000", false),
        ("read from", "42501", false),
        ("read from", "57014", false),
    ] {
        assert_eq!(server(action, code).is_connection_lost(), is_lost, "{code}");
    }
    assert!(!ExportError::Setup(ConnectionError::NoDatabase).is_connection_lost());
}

#[test]
fn a_silent_connection_is_probed_after_a_minute_unless_asked_otherwise() {
    for (url, seconds) in [
        ("postgres://anna@db/crm", 60),
        ("postgres://anna@db/crm?keepalives_idle=7", 7),
        ("postgres://anna@db/crm?keepalives_idle=0", 60),
    ] {
        let database = parse(url).unwrap();
        let idle = database.0.targets[0].config.get_keepalives_idle();
        assert_eq!(idle, Duration::from_secs(seconds), "{url}");
    }
}
