//! TLS: how far a server is verified, by which roots, and our own certificate.
//!
//! In: `sslmode` and the files that the parameters name. Out: a [`Tls`] that makes the
//! driver's connector. What is weaker than `verify-full` has to be asked for by name.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::Surroundings;
use super::error::ConnectionError;
use super::keywords::Parameters;
use super::private_file;

/// What `sslmode` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    Disable,
    /// Nothing, `allow` or `prefer`: none on this machine, else everything.
    Automatic,
    Require,
    VerifyCa,
    VerifyFull,
}

/// How far a server is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    None,
    Authority,
    AuthorityAndName,
}

/// Where trust comes from.
#[derive(Debug)]
enum Roots {
    /// The system's certificates, read when they are first needed.
    System,
    File(Vec<CertificateDer<'static>>),
}

/// Our own certificate with its chain, and its key.
struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// How connections are encrypted.
pub(super) struct Tls {
    pub(super) mode: SslMode,
    /// Whether more than `sslmode` asks for TLS, on this machine too.
    pub(super) is_asked_for: bool,
    verification: Verification,
    roots: Roots,
    identity: Option<Identity>,
    versions: &'static [&'static SupportedProtocolVersion],
    connector: OnceLock<MakeRustlsConnect>,
}

const MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Automatic),
    ("prefer", SslMode::Automatic),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

type Versions = &'static [&'static SupportedProtocolVersion];
const FROM_12: Versions = &[&TLS13, &TLS12];
const FROM_13: Versions = &[&TLS13];

impl Tls {
    /// Reads the files that the parameters name, or libpq's own below `~/.postgresql`.
    pub(super) fn try_new(
        parameters: &Parameters,
        around: &Surroundings,
    ) -> Result<Self, ConnectionError> {
        let asked = parameters.choice("sslmode", MODES)?;
        let mode = asked.unwrap_or(SslMode::Automatic);
        let versions = [
            ("TLSv1", FROM_12),
            ("TLSv1.1", FROM_12),
            ("TLSv1.2", FROM_12),
            ("TLSv1.3", FROM_13),
        ];
        let versions = parameters.choice("ssl_min_protocol_version", &versions)?;
        let root_file = own_file(parameters, around, "sslrootcert", "root.crt");
        let is_system = parameters.get("sslrootcert") == Some("system");
        if is_system && !matches!(asked, None | Some(SslMode::VerifyFull)) {
            return Err(parameters.refuse(
                "sslmode",
                "with `sslrootcert=system` it must be `verify-full`",
            ));
        }
        let verification = match mode {
            // With a root certificate `require` is `verify-ca`, as libpq has it.
            SslMode::Require if root_file.is_none() => Verification::None,
            SslMode::Require | SslMode::VerifyCa => Verification::Authority,
            _ => Verification::AuthorityAndName,
        };
        let roots = match root_file {
            Some(file) if !is_system && mode != SslMode::Disable => {
                Roots::File(read_certificates(&file, "the root certificate")?)
            }
            _ => Roots::System,
        };
        let identity = match mode {
            SslMode::Disable => None,
            _ => identity(parameters, around)?,
        };
        let names_file = |name| parameters.get(name).is_some();
        Ok(Self {
            mode,
            is_asked_for: names_file("sslrootcert") || names_file("sslcert"),
            verification,
            roots,
            identity,
            versions: versions.unwrap_or(FROM_12),
            connector: OnceLock::new(),
        })
    }

    /// What the driver makes TLS streams with.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, ConnectionError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let made = MakeRustlsConnect::new(self.client_config()?);
        Ok(self.connector.get_or_init(|| made).clone())
    }

    fn client_config(&self) -> Result<ClientConfig, ConnectionError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)?;
        let config = if self.verification == Verification::AuthorityAndName {
            config.with_root_certificates(self.root_store()?)
        } else {
            let roots = match self.verification {
                Verification::None => None,
                _ => Some(self.root_store()?),
            };
            config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Weaker { roots, provider }))
        };
        Ok(match &self.identity {
            Some(Identity { certificates, key }) => {
                config.with_client_auth_cert(certificates.clone(), key.clone_key())?
            }
            None => config.with_no_client_auth(),
        })
    }

    fn root_store(&self) -> Result<RootCertStore, ConnectionError> {
        let mut store = RootCertStore::empty();
        match &self.roots {
            Roots::File(certificates) => {
                for certificate in certificates {
                    store.add(certificate.clone())?;
                }
            }
            Roots::System => {
                // Single unreadable certificates are the system's affair; without any there
                // is no trust.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if store.is_empty() {
            return Err(ConnectionError::NoRootCertificates);
        }
        Ok(store)
    }
}

/// The file that a parameter names, else libpq's own if it is there.
fn own_file(
    parameters: &Parameters,
    around: &Surroundings,
    parameter: &str,
    name: &str,
) -> Option<PathBuf> {
    if let Some(file) = parameters.get(parameter) {
        return Some(PathBuf::from(file));
    }
    let file = around.home()?.join(".postgresql").join(name);
    file.exists().then_some(file)
}

fn identity(
    parameters: &Parameters,
    around: &Surroundings,
) -> Result<Option<Identity>, ConnectionError> {
    let Some(certificate) = own_file(parameters, around, "sslcert", "postgresql.crt") else {
        return Ok(None);
    };
    let Some(key) = own_file(parameters, around, "sslkey", "postgresql.key") else {
        return Err(parameters.refuse("sslcert", "there is no `sslkey` to it"));
    };
    let certificates = read_certificates(&certificate, "the client certificate")?;
    let metadata =
        std::fs::metadata(&key).map_err(|source| unreadable("the private key", &key, source))?;
    private_file::check_key(&key, &metadata)?;
    let pem = std::fs::read(&key).map_err(|source| unreadable("the private key", &key, source))?;
    // The parser's error could quote the file.
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| ConnectionError::NoPem {
        what: "private key",
        path: key,
    })?;
    Ok(Some(Identity { certificates, key }))
}

fn read_certificates(
    path: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, ConnectionError> {
    let pem = std::fs::read(path).map_err(|source| unreadable(what, path, source))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ConnectionError::NoPem {
            what: "certificate",
            path: path.to_owned(),
        }),
    }
}

fn unreadable(what: &'static str, path: &Path, source: std::io::Error) -> ConnectionError {
    ConnectionError::Unreadable {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Verifies less than rustls does by itself: no host name, and without roots no certificate.
///
/// The handshake's signature is verified all the same, so the server has the key of the
/// certificate that it shows.
#[derive(Debug)]
struct Weaker {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Weaker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
