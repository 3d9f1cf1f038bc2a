//! What is tried with arbitrary bytes: one function per target, for libFuzzer (`clb-client/fuzz`) and for the smoke run beside
//! this file. A target panics when a promise is broken, and does nothing else.

use std::fmt::Debug;
use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use clb_client::api::*;
use clb_client::credential::{
    Credential, CredentialError, FetchCredential, InstanceRole, Profile, SecretId, SecretKey, WebIdentity,
};
use clb_client::sign::{Headers, UnixSeconds, Unsigned, VerifyError, sign, verify};
use clb_client::transport::{Transport, TransportFuture};
use clb_client::{Client, Error, RateLimit, Region, RetryPolicy};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

/// An answer of the API: the first byte selects the action, the second the HTTP status, the rest is the body.
pub(crate) fn api_answer(data: &[u8]) {
    let [action, status, body @ ..] = data else { return };
    let client = client(STATUSES[usize::from(*status) % STATUSES.len()], body);
    let (balancer, listener) =
        (LoadBalancerId::new("lb-1").expect("an id"), ListenerId::new("lbl-1").expect("an id"));
    let pool = || Pool::listener(listener.clone());
    let address = || Address::ip([10, 0, 0, 7].into(), 8080.try_into().expect("not 0"));
    match action % 12 {
        0 => ask(&client, &DescribeTargets::new(balancer)),
        1 => ask(&client, &DescribeListeners::new(balancer)),
        2 => ask(&client, &DescribeLoadBalancers::new()),
        3 => ask(&client, &DescribeTargetHealth::new(vec![balancer])),
        4 => ask(&client, &DescribeTaskStatus::new("r-1")),
        5 => ask(&client, &DescribeTargetGroups::new()),
        6 => ask(&client, &DescribeTargetGroupInstances::of_group(&group())),
        7 => ask(&client, &DescribeQuota::new()),
        8 => {
            ask(&client, &DescribeLBListeners::new(vec![BackendAddress::new("vpc-1", [10, 0, 0, 7].into())]));
        }
        9 => {
            let targets = vec![TargetWeight::new(address(), Weight::DRAINED)];
            ask(&client, &BatchModifyTargetWeight::new(balancer, vec![PoolWeights::new(pool(), targets)]));
        }
        10 => {
            ask(&client, &BatchRegisterTargets::new(balancer, vec![BatchTarget::new(pool(), address())]));
        }
        _ => {
            ask(&client, &BatchDeregisterTargets::new(balancer, vec![BatchTarget::new(pool(), address())]));
        }
    }
}

/// An error of the API: the first line is its code, the rest its message. It is told in one line, and a code below a code
/// is of the same class.
pub(crate) fn error_body(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (code, message) = text.split_once('\n').unwrap_or((&text, ""));
    let told = refused(code, message);
    assert!(told.code().is_some(), "{told:?}");
    let (plain, below) = (refused(code, ""), refused(&format!("{code}.Zz9"), ""));
    assert_eq!(
        (plain.kind(), plain.executed()),
        (below.kind(), below.executed()),
        "a code and one below it: {plain} / {below}"
    );
}

/// A request in lines: method, URI, product, then `name: value` headers, an empty line, the body. What is signed verifies, and
/// with another body it does not.
pub(crate) fn canonicalisation(data: &[u8]) {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[][..]),
    };
    let Ok(head) = str::from_utf8(head) else { return };
    let mut lines = head.lines();
    let method = lines.next().and_then(|line| Method::from_bytes(line.as_bytes()).ok());
    let uri = lines.next().and_then(|line| line.parse::<Uri>().ok());
    let service = lines.next().filter(|line| is_word(line));
    let (Some(method), Some(uri), Some(service)) = (method, uri, service) else { return };

    let mut unsigned = Unsigned::new("clb.tencentcloudapi.com", body)
        .with_method(method.as_str())
        .with_target(uri.path(), uri.query().unwrap_or_default())
        .with_service(service);
    let mut more = Vec::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        // As the signer trims: white space that is not ASCII, or a vertical tab, is no white space to HTTP.
        let (Ok(name), Ok(header)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim_ascii()))
        else {
            continue;
        };
        if header.to_str().is_ok() && !ABOUT_THE_SIGNATURE.contains(&name.as_str()) {
            unsigned = unsigned.with_header(name.as_str(), value);
            more.push((name, header));
        }
    }
    let signed = sign(&unsigned, &CREDENTIAL, at());
    let headers = Headers::new("clb.tencentcloudapi.com", "DescribeTargets", "2018-03-17");
    let mut received = Request::new(body.to_vec());
    *received.method_mut() = method;
    *received.uri_mut() = uri;
    *received.headers_mut() = headers.build(&signed, None).expect("these headers are plain");
    for (name, header) in more {
        received.headers_mut().insert(name, header);
    }
    assert_eq!(verify(&received, &SECRET), Ok(at()), "what was signed verifies");
    received.body_mut().push(0);
    assert_eq!(verify(&received, &SECRET), Err(VerifyError::Mismatch), "another body does not");
}

/// A credentials file.
pub(crate) fn credentials_file(data: &[u8]) {
    let mut file = tempfile();
    file.0.write_all(data).expect("a file can be written");
    let found = fetch(&Profile::new(&file.1).with_section("default"));
    std::fs::remove_file(&file.1).expect("the file is there");
    if let Ok(credential) = found {
        let id = credential.secret_id().as_str();
        assert!(!id.is_empty() && !id.contains(char::is_whitespace), "{id:?}");
    }
}

/// Answers of the metadata service: the first line is the name of the role, the rest the answer about it.
pub(crate) fn metadata_answer(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (role, about) = (&data[..at], data.get(at + 1..).unwrap_or_default());
    drop(fetch(&InstanceRole::new(ByPath { role: role.to_vec(), about: about.to_vec() })));
}

/// An answer of the security token service.
pub(crate) fn token_answer(data: &[u8]) {
    let region = Region::new("ap-guangzhou").expect("a region");
    let transport = Answer { status: StatusCode::OK, body: Bytes::copy_from_slice(data) };
    drop(fetch(&WebIdentity::new(transport, region, "issuer", "role", TOKEN_FILE.as_str())));
}

/// A received `Authorization` header: only what holds the right signature is accepted.
pub(crate) fn authorization(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let body = b"{}";
    let right = sign(&Unsigned::new("clb.tencentcloudapi.com", body), &CREDENTIAL, at());
    let headers = Headers::new("clb.tencentcloudapi.com", "DescribeTargets", "2018-03-17");
    let mut received = Request::new(body);
    *received.headers_mut() = headers.build(&right, None).expect("these headers are plain");
    received.headers_mut().insert("authorization", value);
    if verify(&received, &SECRET).is_ok() {
        let given = String::from_utf8_lossy(data).to_lowercase();
        assert!(given.contains(right.signature()), "accepted without the signature: {given}");
    }
}

/// A request that no client of this crate sends, at the simulator: the first line is the action, the rest the body.
#[cfg(feature = "sim")]
pub(crate) fn simulator_request(data: &[u8]) {
    use clb_client::sim::{Account, Config, Listener, LoadBalancer, Rule, TargetGroup};
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let action = String::from_utf8_lossy(&data[..at]);
    let Ok(body) = serde_json::from_slice(data.get(at + 1..).unwrap_or_default()) else { return };
    let balancer = LoadBalancer::new("lb-1")
        .with_listener(Listener::tcp("lbl-1", 80))
        .with_listener(Listener::http("lbl-2", 81).with_rule(Rule::new("loc-1", "a.example", "/")));
    let mut account = Account::new(Config::default())
        .with_load_balancer(balancer)
        .with_target_group(TargetGroup::new("lbtg-1"));
    let now = account.now();
    let _ = account.handle(now, &action, &body);
    account.advance(std::time::Duration::from_secs(60));
    let _ = account.handle(account.now(), "DescribeTargets", &serde_json::json!({"LoadBalancerId": "lb-1"}));
}

/// Asks, and looks at what came of it.
fn ask<R: ApiCall<Response: Debug>>(client: &Client, request: &R) {
    match RUNTIME.block_on(client.call(request)) {
        Ok(response) => assert!(!format!("{response:?}").is_empty()),
        Err(error) => check(&error),
    }
}

/// The error that a client makes of `code` and `message`.
fn refused(code: &str, message: &str) -> Error {
    let body =
        serde_json::json!({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r-1"}});
    let client = client(StatusCode::OK, body.to_string().as_bytes());
    let error = RUNTIME.block_on(client.call(&DescribeQuota::new())).expect_err("an error was answered");
    check(&error);
    error
}

/// An error is one line of bounded length for a log, whatever the server has sent.
fn check(error: &Error) {
    let text = error.to_string();
    assert!(text.chars().count() < 1_500 && !text.contains(char::is_control), "{text:?}");
}

/// What a source of credentials says; a refusal is one line too.
fn fetch(source: &impl FetchCredential) -> Result<Credential, CredentialError> {
    let found = RUNTIME.block_on(source.fetch());
    if let Err(error) = &found {
        let text = error.to_string();
        assert!(text.chars().count() < 1_500 && !text.contains(char::is_control), "{text:?}");
    }
    found
}

/// A client whose every call is answered so.
fn client(status: StatusCode, body: &[u8]) -> Client {
    let transport = Answer { status, body: Bytes::copy_from_slice(body) };
    Client::with_transport(Region::new("ap-guangzhou").expect("a region"), CREDENTIAL.clone(), transport)
        .with_retry(RetryPolicy::never())
        .with_rate_limit(RateLimit::none())
        .with_wall_clock(at)
}

/// Gives the same answer to everything.
struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Transport for Answer {
    fn send(&self, _: Request<Bytes>) -> TransportFuture<'_> {
        let mut response = Response::new(self.body.clone());
        *response.status_mut() = self.status;
        Box::pin(std::future::ready(Ok(response)))
    }
}

/// The metadata service: one answer for the question which role there is, one for the role.
struct ByPath {
    role: Vec<u8>,
    about: Vec<u8>,
}

impl Transport for ByPath {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        let body = if request.uri().path().ends_with('/') { &self.role } else { &self.about };
        Box::pin(std::future::ready(Ok(Response::new(Bytes::copy_from_slice(body)))))
    }
}

/// An empty file of this thread alone, and its path.
fn tempfile() -> (std::fs::File, std::path::PathBuf) {
    let name = format!("clb-client-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    (std::fs::File::create(&path).expect("a file can be created"), path)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
}

fn group() -> TargetGroupId {
    TargetGroupId::new("lbtg-1").expect("an id")
}

/// 2026-03-01 00:00:00 UTC.
fn at() -> UnixSeconds {
    UnixSeconds::new(1_772_323_200).expect("before the year 9999")
}

/// What servers and gateways answer with.
const STATUSES: [StatusCode; 6] = [
    StatusCode::OK,
    StatusCode::FOUND,
    StatusCode::NOT_FOUND,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
];

/// Headers that say how to verify; another value is another signature.
const ABOUT_THE_SIGNATURE: [&str; 3] = ["authorization", "x-tc-timestamp", "x-tc-content-sha256"];

static SECRET: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::new("example-key").expect("a key"));

static CREDENTIAL: LazyLock<Credential> =
    LazyLock::new(|| Credential::new(SecretId::new("AKIDEXAMPLE").expect("an id"), SECRET.clone()));

/// The token of a service account. Its content does not matter, so any readable file will do.
static TOKEN_FILE: LazyLock<String> =
    LazyLock::new(|| concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").to_owned());

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime")
});
