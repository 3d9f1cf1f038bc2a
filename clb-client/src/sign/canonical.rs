//! The canonical request: the bytes in which client and server must agree before any key is involved.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::hex32;

/// A request as the signature sees it: method, path, query, signed headers and body.
///
/// `POST /` with an `application/json` body of service `clb` unless told otherwise.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// Everything but the body.
    frame: Frame<'a>,
    /// The body that is hashed.
    payload: Payload<'a>,
}

/// A request without its body. From call to call it is the same as a rule, and is compared for each signature: what is as
/// usual is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// Value of the `Host` header without blanks around it, with `:port` where one is sent.
    host: Cow<'a, str>,
    /// `GET`, upper case; `POST` where nothing is said.
    method: Option<Cow<'a, str>>,
    /// Path of the URL, and its query as it is sent, without `?`; `/` and nothing where nothing is said.
    target: Option<(Cow<'a, str>, Cow<'a, str>)>,
    /// Value of the `Content-Type` header without blanks around it, else byte for byte as it is sent;
    /// [`CONTENT_TYPE_JSON`] where nothing is said.
    content_type: Option<Cow<'a, str>>,
    /// Product in the credential scope, first label of the host as a rule; `clb` where nothing is said.
    service: Option<Cow<'a, str>>,
    /// Signed headers besides those two: (lower-case name, trimmed lower-case value), sorted by name.
    more: Vec<(String, String)>,
}

/// What stands for the body in the canonical request.
#[derive(Clone, Copy, Debug)]
enum Payload<'a> {
    /// The exact bytes of the body.
    Signed(&'a [u8]),
    /// The body is not covered; `X-TC-Content-SHA256: UNSIGNED-PAYLOAD` says so to the server.
    Unsigned,
}

impl<'a> Unsigned<'a> {
    /// `POST /` to `host` (the value of the `Host` header) with the JSON text `body`.
    #[must_use]
    pub fn new(host: &'a str, body: &'a [u8]) -> Self {
        Self {
            frame: Frame {
                host: Cow::Borrowed(host.trim_ascii()),
                method: None,
                target: None,
                content_type: None,
                service: None,
                more: Vec::new(),
            },
            payload: Payload::Signed(body),
        }
    }

    /// Another HTTP method, in upper case.
    #[must_use]
    pub fn with_method(mut self, method: &'a str) -> Self {
        self.frame.method = Some(Cow::Borrowed(method));
        self
    }

    /// Another path and query (without `?`), encoded as they are sent.
    #[must_use]
    pub fn with_target(mut self, path: &'a str, query: &'a str) -> Self {
        self.frame.target = Some((Cow::Borrowed(path), Cow::Borrowed(query)));
        self
    }

    /// Another product than `clb`, such as `sts`.
    #[must_use]
    pub fn with_service(mut self, service: &'a str) -> Self {
        self.frame.service = Some(Cow::Borrowed(service));
        self
    }

    /// Another content type; it must be sent byte for byte as it is signed.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'a str) -> Self {
        self.frame.content_type = Some(Cow::Borrowed(content_type.trim_ascii()));
        self
    }

    /// Signs one more header. Its value is trimmed and lower-cased, as the documentation asks for; `content-type` and
    /// `host`, which are always signed, replace the present value. Never sign what a proxy may alter.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let Frame { content_type, host, more, .. } = &mut self.frame;
        let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
        match name.as_str() {
            "content-type" => *content_type = Some(Cow::Owned(value.to_owned())),
            "host" => *host = Cow::Owned(value.to_owned()),
            _ => {
                more.retain(|(present, _)| *present != name);
                let at = more.partition_point(|(present, _)| *present < name);
                more.insert(at, (name, value.to_lowercase()));
            }
        }
        self
    }

    /// Leaves the body out of the signature. The request must then carry `X-TC-Content-SHA256: UNSIGNED-PAYLOAD`.
    #[must_use]
    pub fn with_unsigned_payload(mut self) -> Self {
        self.payload = Payload::Unsigned;
        self
    }

    /// Everything but the body.
    pub(super) fn frame(&self) -> &Frame<'a> {
        &self.frame
    }

    /// Lower-case hexadecimal SHA-256 of the body.
    pub(super) fn hashed_payload(&self) -> [u8; 64] {
        let covered = match self.payload {
            Payload::Signed(body) => body,
            Payload::Unsigned => UNSIGNED_PAYLOAD.as_bytes(),
        };
        hex32(&Sha256::digest(covered).into())
    }
}

impl Frame<'_> {
    /// The product in the credential scope.
    pub(super) fn service(&self) -> &str {
        self.service.as_deref().unwrap_or("clb")
    }

    /// The canonical request up to the hash of the body, which is all that follows.
    pub(super) fn opening(&self) -> String {
        let method = self.method.as_deref().unwrap_or("POST");
        let (path, query) = self.target.as_ref().map_or(("/", ""), |(path, query)| (path, query));
        // Each header line ends with a line feed, and the part is joined by another one: hence the empty line.
        let headers: String = self.headers().map(|(name, value)| format!("{name}:{value}\n")).collect();
        format!("{method}\n{path}\n{query}\n{headers}\n{}\n", self.signed_headers())
    }

    /// The names of the signed headers, sorted and joined by `;`.
    pub(super) fn signed_headers(&self) -> String {
        self.headers().map(|(name, _)| name).collect::<Vec<_>>().join(";")
    }

    /// The same for longer than the request lives.
    pub(super) fn to_static(&self) -> Frame<'static> {
        let kept = |text: &str| Cow::Owned(text.to_owned());
        let Self { host, method, target, content_type, service, more } = self;
        Frame {
            host: kept(host),
            method: method.as_deref().map(kept),
            target: target.as_ref().map(|(path, query)| (kept(path), kept(query))),
            content_type: content_type.as_deref().map(kept),
            service: service.as_deref().map(kept),
            more: more.clone(),
        }
    }

    /// The signed headers in the order of their names.
    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut headers: Vec<_> =
            self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let content_type = self.content_type.as_deref().unwrap_or(CONTENT_TYPE_JSON);
        headers.extend([("content-type", content_type), ("host", &*self.host)]);
        headers.sort_unstable();
        headers.into_iter()
    }
}

/// The content type of every call of this crate.
pub(crate) const CONTENT_TYPE_JSON: &str = "application/json";

/// What is hashed, and what the header `X-TC-Content-SHA256` says, when the body is not covered.
pub(crate) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_headers_are_merged_in_the_order_of_their_names() {
        let request = Unsigned::new("h", b"")
            .with_header("X-TC-Action", " DescribeTargets ")
            .with_header("Accept", "A/b")
            .with_header("Date", "now");
        assert_eq!(request.frame.signed_headers(), "accept;content-type;date;host;x-tc-action");
        let values: Vec<_> = request.frame.headers().map(|(_, value)| value).collect();
        assert_eq!(values, ["a/b", "application/json", "now", "h", "describetargets"]);
    }

    #[test]
    fn content_type_and_host_are_signed_once() {
        let request = Unsigned::new("h", b"")
            .with_header("Host", "other:8080")
            .with_header("Content-Type", "text/plain");
        let headers: Vec<_> = request.frame.headers().collect();
        assert_eq!(headers, [("content-type", "text/plain"), ("host", "other:8080")]);
    }
}
