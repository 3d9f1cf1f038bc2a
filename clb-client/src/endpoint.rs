//! Which server is called.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

use crate::region::Region;

/// Scheme, host and port of the API. `https`, or `http` to a loopback address for a simulator on the same machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Scheme, host, port and the path `/`.
    uri: Uri,
    /// The value of the `Host` header: lower case, with the port where it is not the scheme's own.
    host: String,
}

impl Endpoint {
    /// `https://clb.tencentcloudapi.com`: resolves to the nearest access region.
    #[must_use]
    pub fn nearest() -> Self {
        Self::constant("clb.tencentcloudapi.com")
    }

    /// `https://clb.internal.tencentcloudapi.com`: from inside a VPC, without a way to the internet.
    #[must_use]
    pub fn internal() -> Self {
        Self::constant("clb.internal.tencentcloudapi.com")
    }

    /// `https://clb.intl.tencentcloudapi.com`: accounts of the international site.
    #[must_use]
    pub fn international() -> Self {
        Self::constant("clb.intl.tencentcloudapi.com")
    }

    /// `https://clb.REGION.tencentcloudapi.com`: a fixed access region; finance regions (`ap-shanghai-fsi`) demand theirs.
    #[must_use]
    pub fn of_region(region: &Region) -> Self {
        Self::constant(&format!("clb.{region}.tencentcloudapi.com"))
    }

    /// `https://sts.tencentcloudapi.com`: the security token service.
    pub(crate) fn security_tokens() -> Self {
        Self::constant("sts.tencentcloudapi.com")
    }

    /// Any other server: `https://HOST[:PORT]`, or `http://LOOPBACK[:PORT]` (127.0.0.0/8, `[::1]` or `localhost`).
    ///
    /// # Errors
    /// [`BadEndpoint`] for anything else, a path, query or user name included: a signed request must not travel in clear,
    /// and the path is part of the signature.
    pub fn new(url: &str) -> Result<Self, BadEndpoint> {
        let bad = |why| BadEndpoint { found: shown(url), why };
        let uri: Uri = url.parse().map_err(|_| bad("it is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| bad("it has no host"))?;
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") if is_loopback(authority.host()) => "http",
            Some("http") => return Err(bad("plain http is allowed to a loopback address only")),
            _ => return Err(bad("it does not begin with https://")),
        };
        if authority.as_str().contains('@') {
            return Err(bad("it names a user"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it has a path or a query"));
        }
        if authority.host().is_empty() || authority.host().starts_with('.') {
            return Err(bad("it has no host"));
        }
        let own_port = if scheme == "https" { 443 } else { 80 };
        let host = authority.host().to_ascii_lowercase();
        let host = match authority.port() {
            None if authority.as_str().len() > host.len() => {
                return Err(bad("its port is no number up to 65535"));
            }
            Some(port) if port.as_u16() != own_port => format!("{host}:{}", port.as_u16()),
            _ => host,
        };
        let uri = format!("{scheme}://{host}/").parse().map_err(|_| bad("it is not a URL"))?;
        Ok(Self { uri, host })
    }

    /// The value of the `Host` header, which is signed.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The URL that is called.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// A server of the provider.
    fn constant(host: &str) -> Self {
        let uri = format!("https://{host}/").parse().expect("a constant, or a region whose form was checked");
        Self { uri, host: host.to_owned() }
    }
}

/// [`Endpoint::nearest`].
impl Default for Endpoint {
    fn default() -> Self {
        Self::nearest()
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(url: &str) -> Result<Self, BadEndpoint> {
        Self::new(url)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// A URL that is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the endpoint `{found}` is refused: {why}; write https://HOST, or http://127.0.0.1:PORT for a simulator"
)]
pub struct BadEndpoint {
    /// The text, escaped and shortened, without a user name.
    found: String,
    /// What is wrong with it.
    why: &'static str,
}

/// Whether `host` is this machine.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Enough of a refused URL to recognise it. What stands before an `@` may be a password.
fn shown(url: &str) -> String {
    let without_user = url.rsplit('@').next().unwrap_or_default();
    without_user.escape_debug().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_are_signed_as_they_are_sent() {
        #[rustfmt::skip]
        let cases = [
            ("https://clb.tencentcloudapi.com", "clb.tencentcloudapi.com"),
            ("https://CLB.tencentcloudapi.com:443/", "clb.tencentcloudapi.com"),
            ("https://10.0.0.7:8443", "10.0.0.7:8443"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://localhost:80", "localhost"),
            ("http://[::1]:9", "[::1]:9"),
        ];
        for (url, host) in cases {
            assert_eq!(Endpoint::new(url).unwrap().host(), host, "{url}");
        }
        let region = Region::new("ap-shanghai-fsi").unwrap();
        assert_eq!(*Endpoint::of_region(&region).uri(), "https://clb.ap-shanghai-fsi.tencentcloudapi.com/");
    }

    #[test]
    fn x3_anything_but_https_or_loopback_is_refused() {
        for url in [
            "",
            "clb.tencentcloudapi.com",
            "ftp://127.0.0.1",
            "http://clb.tencentcloudapi.com",
            "http://127.0.0.1.evil.example",
            "http://169.254.169.254",
            "https://",
            "https://evil.example/path",
            "https://h/?a=b",
            "https://user:canary@evil.example",
            "https://h:99999",
            "https://h\n",
        ] {
            let error = Endpoint::new(url).unwrap_err().to_string();
            assert!(!error.contains('\n') && !error.contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn x3_whatever_is_accepted_is_https_or_loopback_and_says_so_again(url in "(https?://)?[a-z0-9.:@/\\[\\]%?#-]{0,24}") {
            if let Ok(endpoint) = Endpoint::new(&url) {
                let uri = endpoint.uri();
                let host = uri.host().unwrap_or_default();
                prop_assert!(uri.scheme_str() == Some("https") || is_loopback(host), "{}", url);
                prop_assert_eq!(uri.path(), "/");
                prop_assert_eq!(Endpoint::new(&endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
