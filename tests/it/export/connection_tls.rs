//! Who the server is and who we are: TLS by `sslmode`, client certificates, passwords.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use touchpath::error::{Exit, Failure};
use touchpath::export::{Database, ExportError, Surroundings, UrlSource};

use super::postgres::{Cluster, Stopped, programs};
use crate::certificates::{certificate, certificate_bytes};

const RULES: &[u8] = b"\
local   all all                    trust
host    all postgres  127.0.0.1/32 trust
hostssl all certified 127.0.0.1/32 cert
host    all anna      127.0.0.1/32 scram-sha-256
host    all olga      127.0.0.1/32 md5
";

const ROLES: &str = "\
    create role certified login; \
    set password_encryption = 'scram-sha-256'; \
    create role anna login password 'scram'; \
    set password_encryption = 'md5'; \
    create role olga login password 'md5'";

/// A server that offers TLS with one of the certificates.
fn with_certificate(name: &str) -> Stopped {
    Stopped::create(&programs())
        .file("root.crt", &certificate_bytes("ca.crt"))
        .file("server.crt", &certificate_bytes(&format!("{name}.crt")))
        .file("server.key", &certificate_bytes(&format!("{name}.key")))
        .file("pg_hba.conf", RULES)
        .configure("ssl = on\nssl_ca_file = 'root.crt'")
}

static GUARDED: OnceLock<Cluster> = OnceLock::new();

/// The server that asks its guests who they are.
async fn guarded() -> &'static Cluster {
    if let Some(cluster) = GUARDED.get() {
        return cluster;
    }
    let started = with_certificate("server").start();
    let client = started.client("postgres").await;
    client.batch_execute(ROLES).await.unwrap();
    // Two tests may have started one each; the one that is not kept stops.
    GUARDED.get_or_init(|| started)
}

/// Connects by words to which the port and the database are added; returns what TLS the server
/// saw, and whom.
async fn reach(cluster: &Cluster, words: &str) -> Result<String, ExportError> {
    let words = format!("dbname=postgres port={} {words}", cluster.port());
    let given = Some((words.as_str(), UrlSource::Settings));
    let connection = Database::resolve(given, &Surroundings::default())?
        .connect()
        .await?;
    let sql = "select case when ssl then version else 'plain' end || ' ' || current_user \
               || coalesce(' as ' || nullif(client_dn, ''), '') \
               from pg_stat_ssl where pid = pg_backend_pid()";
    let row = connection.client.query_one(sql, &[]).await.unwrap();
    Ok(row.get(0))
}

/// The refusal as the command line shows it.
async fn refusal(cluster: &Cluster, words: &str) -> String {
    let error = reach(cluster, words).await.unwrap_err();
    assert!(!error.is_connection_lost(), "{words}: {error:?}");
    assert!(!format!("{error:?}").contains("wrong"), "{words}");
    Failure::from(error).to_string()
}

fn path(name: &str) -> String {
    certificate(name).display().to_string()
}

#[tokio::test]
async fn sslmode_means_what_it_means_to_libpq() {
    let server = guarded().await;
    let ca = path("ca.crt");
    let other = path("other.crt");
    let reached = [
        (
            format!("host=localhost sslmode=verify-full sslrootcert={ca}"),
            "TLSv1.3 postgres",
        ),
        (
            format!("host=localhost hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={ca}"),
            "TLSv1.3 postgres",
        ),
        // Naming a root asks for TLS, on this machine too.
        (
            format!("host=localhost sslrootcert={ca}"),
            "TLSv1.3 postgres",
        ),
        (
            format!("host=127.0.0.1 sslmode=verify-ca sslrootcert={ca}"),
            "TLSv1.3 postgres",
        ),
        (
            format!("host=127.0.0.1 sslmode=require sslrootcert={ca}"),
            "TLSv1.3 postgres",
        ),
        (
            "host=127.0.0.1 sslmode=require".to_owned(),
            "TLSv1.3 postgres",
        ),
        ("host=127.0.0.1".to_owned(), "plain postgres"),
        (
            format!("host=127.0.0.1 sslmode=disable sslrootcert={other}"),
            "plain postgres",
        ),
    ];
    for (words, expected) in reached {
        let words = format!("{words} user=postgres");
        assert_eq!(reach(server, &words).await.unwrap(), expected, "{words}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_the_one_meant_is_refused() {
    let server = guarded().await;
    let ca = path("ca.crt");
    let other = path("other.crt");
    let refused = [
        (
            format!("host=127.0.0.1 sslmode=verify-full sslrootcert={ca}"),
            "sslmode=verify-ca",
        ),
        (
            format!("hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={ca}"),
            "sslmode=verify-ca",
        ),
        (
            format!("host=localhost sslmode=verify-full sslrootcert={other}"),
            "sslrootcert=FILE",
        ),
        (
            format!("host=localhost sslmode=verify-ca sslrootcert={other}"),
            "sslrootcert=FILE",
        ),
        // `require` with a root is `verify-ca`.
        (
            format!("host=localhost sslmode=require sslrootcert={other}"),
            "sslrootcert=FILE",
        ),
    ];
    for (words, hint) in refused {
        let words = format!("{words} user=postgres");
        let said = refusal(server, &words).await;
        assert!(said.contains("invalid peer certificate"), "{words}: {said}");
        assert!(
            said.contains("hint: ") && said.contains(hint),
            "{words}: {said}"
        );
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_unless_nothing_is_verified() {
    let server = with_certificate("expired").start();
    let ca = path("ca.crt");
    for mode in ["verify-full", "verify-ca"] {
        let words = format!("host=localhost user=postgres sslmode={mode} sslrootcert={ca}");
        let said = refusal(&server, &words).await;
        assert!(said.contains("certificate expired"), "{said}");
        assert!(
            said.contains("hint: the server needs a new certificate"),
            "{said}"
        );
    }
    let words = "host=localhost user=postgres sslmode=require";
    assert_eq!(reach(&server, words).await.unwrap(), "TLSv1.3 postgres");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let server = Stopped::create(&programs()).start();
    let said = refusal(&server, "host=127.0.0.1 user=postgres sslmode=require").await;
    assert!(said.contains("server does not support TLS"), "{said}");
    assert!(
        said.contains("`sslmode=disable` does without encryption"),
        "{said}"
    );
}

#[tokio::test]
async fn a_client_certificate_says_who_we_are() {
    let server = guarded().await;
    let (ca, own, key) = (path("ca.crt"), path("client.crt"), path("client.key"));
    let named = format!("host=localhost sslrootcert={ca} user=certified");
    let words = format!("{named} sslcert={own} sslkey={key}");
    assert_eq!(
        reach(server, &words).await.unwrap(),
        "TLSv1.3 certified as /CN=certified"
    );
    let said = refusal(server, &named).await;
    assert!(
        said.contains("requires a valid client certificate"),
        "{said}"
    );

    // The key in a file that others can read, and in one that holds something else.
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open.key");
    std::fs::copy(&key, &open).unwrap();
    set_mode(&open, 0o644);
    let said = refusal(
        server,
        &format!("{named} sslcert={own} sslkey={}", open.display()),
    )
    .await;
    assert!(
        said.contains("holds a private key and can be read by others"),
        "{said}"
    );
    assert!(said.contains("chmod 600"), "{said}");
    std::fs::write(&open, "wrong").unwrap();
    set_mode(&open, 0o600);
    let said = refusal(
        server,
        &format!("{named} sslcert={own} sslkey={}", open.display()),
    )
    .await;
    assert!(
        said.contains("holds no private key that can be used"),
        "{said}"
    );

    // Without names: the files below the home folder, as with libpq.
    let home = folder.path().join(".postgresql");
    std::fs::create_dir(&home).unwrap();
    for (from, to) in [
        (ca, "root.crt"),
        (own, "postgresql.crt"),
        (key, "postgresql.key"),
    ] {
        std::fs::copy(from, home.join(to)).unwrap();
    }
    let around = Surroundings {
        home: Some(folder.path().to_owned()),
        ..Surroundings::default()
    };
    let words = format!(
        "host=localhost port={} dbname=postgres user=certified sslmode=verify-full",
        server.port()
    );
    let database = Database::resolve(Some((&words, UrlSource::Settings)), &around).unwrap();
    database.connect().await.unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn scram_is_bound_to_the_channel_when_that_is_required() {
    let server = guarded().await;
    let ca = path("ca.crt");
    let tls = format!("host=localhost sslrootcert={ca} channel_binding=require");
    let words = format!("{tls} user=anna password=scram");
    assert_eq!(reach(server, &words).await.unwrap(), "TLSv1.3 anna");
    // Neither `trust` nor `md5` binds; without TLS there is no channel to bind to.
    for words in [
        format!("{tls} user=postgres"),
        format!("{tls} user=olga password=md5"),
        "host=localhost sslmode=disable channel_binding=require user=anna password=scram"
            .to_owned(),
    ] {
        let said = refusal(server, &words).await;
        assert!(
            said.contains("server did not use channel binding"),
            "{words}: {said}"
        );
    }
    for (words, seen) in [
        ("user=anna password=scram", "plain anna"),
        ("user=olga password=md5", "plain olga"),
        (
            "user=anna password=scram sslmode=require channel_binding=disable",
            "TLSv1.3 anna",
        ),
    ] {
        let words = format!("host=127.0.0.1 {words}");
        assert_eq!(reach(server, &words).await.unwrap(), seen, "{words}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_none_are_told_apart() {
    let server = guarded().await;
    for (password, said) in [
        (
            " password=wrong",
            "password authentication failed for user \"anna\" (SQLSTATE 28P01)",
        ),
        ("", "password missing"),
    ] {
        let words = format!("host=127.0.0.1 user=anna{password}");
        let error = reach(server, &words).await.unwrap_err();
        assert!(!error.is_connection_lost());
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::Store);
        let text = failure.to_string();
        assert!(text.contains(said), "{text}");
        assert!(
            text.contains("hint: give the password by `PGPASSWORD`, `~/.pgpass`"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_password_file_is_used_when_it_is_ours_alone() {
    let server = guarded().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".pgpass");
    let line = format!(
        "localhost:*:*:anna:wrong\n127.0.0.1:{}:postgres:anna:scram\n",
        server.port()
    );
    std::fs::write(&file, line).unwrap();
    set_mode(&file, 0o600);
    let words = format!("host=127.0.0.1 user=anna passfile={}", file.display());
    assert_eq!(reach(server, &words).await.unwrap(), "plain anna");
    set_mode(&file, 0o644);
    let said = refusal(server, &words).await;
    assert!(
        said.contains("holds passwords and can be read by others"),
        "{said}"
    );
    assert!(said.contains("hint: `chmod 600 "), "{said}");
}
