//! The canonical request: the bytes in which client and server must agree before any key is involved.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::hex32;

/// A request as the signature sees it: method, path, query, signed headers and body.
///
/// `POST /` with an `application/json` body of service `clb` unless told otherwise.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// `POST` or `GET`, upper case.
    method: &'a str,
    /// Path of the URL; `/` in this API.
    path: &'a str,
    /// Query of the URL as it is sent, without `?`; empty for `POST`.
    query: &'a str,
    /// Product in the credential scope, first label of the host as a rule.
    service: &'a str,
    /// Value of the `Host` header, with `:port` where one is sent.
    host: Cow<'a, str>,
    /// Value of the `Content-Type` header, byte for byte as it is sent.
    content_type: Cow<'a, str>,
    /// Signed headers besides those two: (lower-case name, trimmed lower-case value), sorted by name.
    more: Vec<(String, String)>,
    /// The body that is hashed.
    payload: Payload<'a>,
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
            method: "POST",
            path: "/",
            query: "",
            service: "clb",
            host: Cow::Borrowed(host),
            content_type: Cow::Borrowed(CONTENT_TYPE_JSON),
            more: Vec::new(),
            payload: Payload::Signed(body),
        }
    }

    /// Another HTTP method, in upper case.
    #[must_use]
    pub fn with_method(mut self, method: &'a str) -> Self {
        self.method = method;
        self
    }

    /// Another path and query (without `?`), encoded as they are sent.
    #[must_use]
    pub fn with_target(mut self, path: &'a str, query: &'a str) -> Self {
        (self.path, self.query) = (path, query);
        self
    }

    /// Another product than `clb`, such as `sts`.
    #[must_use]
    pub fn with_service(mut self, service: &'a str) -> Self {
        self.service = service;
        self
    }

    /// Another content type; it must be sent byte for byte as it is signed.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'a str) -> Self {
        self.content_type = Cow::Borrowed(content_type);
        self
    }

    /// Signs one more header. Its value is trimmed and lower-cased, as the documentation asks for; `content-type` and
    /// `host`, which are always signed, replace the present value. Never sign what a proxy may alter.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "content-type" => self.content_type = Cow::Owned(value.to_owned()),
            "host" => self.host = Cow::Owned(value.to_owned()),
            _ => {
                self.more.retain(|(present, _)| *present != name);
                let at = self.more.partition_point(|(present, _)| *present < name);
                self.more.insert(at, (name, value.to_lowercase()));
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

    /// The product in the credential scope.
    pub(crate) fn service(&self) -> &str {
        self.service
    }

    /// Writes the names of the signed headers, sorted and joined by `;`.
    pub(super) fn write_signed_headers(&self, sink: &mut dyn FnMut(&str)) {
        for (i, (name, _)) in self.headers().enumerate() {
            if i > 0 {
                sink(";");
            }
            sink(name);
        }
    }

    /// Lower-case hexadecimal SHA-256 of the canonical request.
    pub(super) fn hashed_canonical_request(&self) -> [u8; 64] {
        let mut hash = Sha256::new();
        self.write_canonical_request(&mut |bytes| hash.update(bytes));
        hex32(&hash.finalize().into())
    }

    /// Lower-case hexadecimal SHA-256 of the body.
    pub(super) fn hashed_payload(&self) -> [u8; 64] {
        let covered = match self.payload {
            Payload::Signed(body) => body,
            Payload::Unsigned => UNSIGNED_PAYLOAD.as_bytes(),
        };
        hex32(&Sha256::digest(covered).into())
    }

    /// Writes the canonical request piece by piece.
    pub(super) fn write_canonical_request(&self, sink: &mut dyn FnMut(&[u8])) {
        for part in [self.method, "\n", self.path, "\n", self.query, "\n"] {
            sink(part.as_bytes());
        }
        // Each header line ends with a line feed, and the part is joined by another one: hence the empty line.
        for (name, value) in self.headers() {
            for part in [name, ":", value, "\n"] {
                sink(part.as_bytes());
            }
        }
        sink(b"\n");
        self.write_signed_headers(&mut |name| sink(name.as_bytes()));
        sink(b"\n");
        sink(&self.hashed_payload());
    }

    /// The signed headers in the order of their names.
    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let more = |from: &'static str, to: &'static str| {
            self.more
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .filter(move |(name, _)| (from.is_empty() || *name > from) && (to.is_empty() || *name < to))
        };
        more("", "content-type")
            .chain([("content-type", self.content_type.trim())])
            .chain(more("content-type", "host"))
            .chain([("host", self.host.trim())])
            .chain(more("host", ""))
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
        let mut names = String::new();
        request.write_signed_headers(&mut |part| names.push_str(part));
        assert_eq!(names, "accept;content-type;date;host;x-tc-action");
        let values: Vec<_> = request.headers().map(|(_, value)| value).collect();
        assert_eq!(values, ["a/b", "application/json", "now", "h", "describetargets"]);
    }

    #[test]
    fn content_type_and_host_are_signed_once() {
        let request = Unsigned::new("h", b"")
            .with_header("Host", "other:8080")
            .with_header("Content-Type", "text/plain");
        let headers: Vec<_> = request.headers().collect();
        assert_eq!(headers, [("content-type", "text/plain"), ("host", "other:8080")]);
    }
}
