//! Who vouches for servers, and how the client learns whom to believe.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Runs `test`, which is the body of the test `name`, in a process whose `SSL_CERT_FILE` names a file that is not there yet.
pub(crate) fn in_a_process_of_its_own(name: &str, test: impl FnOnce()) {
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let roots = env::temp_dir().join(format!("clb-client-roots-{}-{name}", std::process::id()));
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .env("SSL_CERT_FILE", &roots)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let _ = fs::remove_file(&roots);
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

/// Signs certificates of servers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// The only one that the client believes from now on; to be called before the first request over HTTPS.
    pub(crate) fn trusted() -> Self {
        let authority = Self::named("An authority");
        fs::write(roots(), authority.0.pem()).unwrap();
        authority
    }

    /// Leaves the client without any.
    pub(crate) fn none() {
        assert!(!roots().exists(), "a file of another run: {}", roots().display());
    }

    /// One that nobody has told the client about.
    pub(crate) fn unknown() -> Self {
        Self::named("Another authority")
    }

    /// One that has the name of the trusted one and another key.
    pub(crate) fn impostor() -> Self {
        Self::named("An authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate with its key.
    pub(crate) fn certify(&self, leaf: Leaf) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new([leaf.name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(leaf.from, 1, 1);
        params.not_after = date_time_ymd(leaf.until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// Name or address of the server.
    name: &'static str,
    /// Year in which it begins to hold.
    from: i32,
    /// Year in which it ends to hold.
    until: i32,
}

impl Leaf {
    /// Of this server, and valid now.
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, from: 2000, until: 3000 }
    }

    /// Valid only from that year on.
    pub(crate) fn from(mut self, year: i32) -> Self {
        self.from = year;
        self
    }

    /// Valid only until that year.
    pub(crate) fn until(mut self, year: i32) -> Self {
        self.until = year;
        self
    }
}

/// The file that the client reads its roots from.
fn roots() -> PathBuf {
    env::var_os("SSL_CERT_FILE").unwrap().into()
}

/// Set in the process that a test runs in.
const INSIDE: &str = "GRACE_TLS_TEST";
