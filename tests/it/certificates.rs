//! Certificates for the tests, made once by `openssl`.
//!
//! Out: files in one folder. `ca.crt` signed `server.crt` (for `localhost`), `expired.crt` (the
//! same, no longer valid) and `client.crt` (for the role `certified`); `other.crt` is an
//! authority that signed none of them. Keys stand beside them as `.key`, for their owner alone.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const SCRIPT: &str = "\
set -e
umask 077
for authority in ca other; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $authority.key -out $authority.crt \
        -days 2 -subj /CN=$authority
done
sign() { # name, common name, days
    openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj /CN=$2
    echo subjectAltName=DNS:$2 > $1.names
    openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days $3 \
        -extfile $1.names -out $1.crt
}
sign server localhost 2
sign client certified 2
# Valid for the second in which it is made.
sign expired localhost 0
sleep 1.1
";

static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();

/// The path of one of the files.
pub(crate) fn certificate(name: &str) -> PathBuf {
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("sh")
            .args(["-c", SCRIPT])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "openssl is needed, as `apt-get install openssl` installs it:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        folder
    });
    folder.path().join(name)
}

/// The bytes of one of the files.
pub(crate) fn certificate_bytes(name: &str) -> Vec<u8> {
    std::fs::read(certificate(name)).unwrap()
}
