//! What an HTTP answer means. Pure.
//!
//! `{"Response":{..., "RequestId":"..."}}` is success, `{"Response":{"Error":{...}, "RequestId":"..."}}` is failure: the
//! presence of `Error` decides, not the HTTP status, which is 200 in both cases. Content types are not trusted.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{ErrorKind, Executed, Problem, one_line};

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    /// What it says.
    pub(crate) response: T,
    /// The server's name for the call.
    pub(crate) request_id: String,
}

/// Reads an answer of at most [`LARGEST`] bytes.
pub(crate) fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<Answer<T>, Problem> {
    let (status, body) = (answer.status(), answer.body());
    if body.len() > LARGEST {
        return Err(unreadable(format!("the answer is larger than {} MiB", LARGEST >> 20)));
    }
    let envelope = match serde_json::from_slice::<Envelope<Outline>>(body) {
        Ok(envelope) => envelope,
        Err(error) if status.is_success() => {
            return Err(unreadable("the answer is no JSON of the API").because(error));
        }
        Err(_) => return Err(by_status(status)),
    };
    if let (Some(code), None) = (&envelope.code_desc, &envelope.response) {
        return Err(Problem::answered(code, envelope.message.as_deref().unwrap_or_default(), None));
    }
    let Some(outline) = envelope.response else {
        let problem = unreadable("the answer has no `Response`");
        return Err(if status.is_success() { problem } else { by_status(status) });
    };
    let request_id = outline.request_id.filter(|id| !id.is_empty()).map(|id| one_line(&id, 100));
    if let Some(error) = outline.error {
        return Err(Problem::answered(&error.code, &error.message.unwrap_or_default(), request_id));
    }
    if !status.is_success() {
        return Err(Problem { request_id, ..by_status(status) });
    }
    let Some(request_id) = request_id else {
        return Err(unreadable("the answer has no `RequestId`"));
    };
    match serde_json::from_slice::<Envelope<T>>(body) {
        Ok(Envelope { response: Some(response), .. }) => Ok(Answer { response, request_id }),
        Ok(Envelope { response: None, .. }) => Err(unreadable("the answer has no `Response`")),
        Err(error) => {
            let problem = unreadable("the answer does not have the documented form").because(error);
            Err(Problem { request_id: Some(request_id), ..problem })
        }
    }
}

/// An answer that says nothing about the effect of the call.
fn unreadable(message: impl Into<String>) -> Problem {
    Problem::local(ErrorKind::Transport, Executed::Maybe, message)
}

/// An answer of something on the way: a gateway, a proxy, a portal.
fn by_status(status: StatusCode) -> Problem {
    let (kind, executed, what) = match status.as_u16() {
        429 => (ErrorKind::Throttled, Executed::No, ""),
        500.. => (ErrorKind::Server, Executed::Maybe, ""),
        300..=399 => {
            (ErrorKind::Transport, Executed::Maybe, "; redirects are not followed, check the endpoint")
        }
        _ => (ErrorKind::Transport, Executed::Maybe, ", not from the API; check the endpoint"),
    };
    Problem::local(kind, executed, format!("HTTP status {}{what}", status.as_u16()))
}

/// The outer object.
#[derive(Deserialize)]
struct Envelope<T> {
    /// Absent in the old form of errors.
    #[serde(rename = "Response", default = "none")]
    response: Option<T>,
    /// The code in the old form of errors.
    #[serde(rename = "codeDesc", default)]
    code_desc: Option<String>,
    /// The message in the old form of errors.
    #[serde(default)]
    message: Option<String>,
}

/// What every answer has.
#[derive(Deserialize)]
struct Outline {
    /// Present in failures.
    #[serde(rename = "Error")]
    error: Option<ErrorBody>,
    /// The server's name for the call.
    #[serde(rename = "RequestId")]
    request_id: Option<String>,
}

/// The failure.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    /// Words joined by dots.
    code: String,
    /// For people.
    message: Option<String>,
}

/// Without a bound on `T`, which a derived default would ask for.
fn none<T>() -> Option<T> {
    None
}

/// Bytes. A load balancer with 50 listeners of 200 targets each answers with about 4 MiB.
pub(crate) const LARGEST: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{DescribeTargetsResponse, DescribeTaskStatusResponse, Protocol, TaskStatus};

    #[test]
    fn null_absent_and_unknown_fields_are_no_failure() {
        let answer: Answer<DescribeTargetsResponse> = success(
            r#"{"Response":{"Listeners":[{"ListenerId":"lbl-1","Protocol":"SCTP","Port":443,"Rules":null,"Later":{"a":[1]},
                "Targets":[{"Type":"eni","Port":80,"Weight":0,"PrivateIpAddresses":["172.16.5.23"],"EniId":null},
                           {"Weight":null,"PrivateIpAddresses":null}]},{}],"RequestId":"r-1"}}"#,
        );
        assert_eq!((answer.request_id.as_str(), answer.response.request_id.as_str()), ("r-1", "r-1"));
        let [listener, _] = &*answer.response.listeners else { panic!("two listeners") };
        assert_eq!(listener.protocol, Protocol::Other("SCTP".into()));
        let [pod, strange] = &*listener.targets else { panic!("two targets") };
        assert_eq!((pod.ip(), pod.weight), (Some("172.16.5.23".parse().unwrap()), Some(0)));
        assert_eq!((strange.ip(), strange.weight, strange.port), (None, None, 0));
        let empty: Answer<DescribeTargetsResponse> =
            success(r#"{"Response":{"Listeners":null,"RequestId":"r"}}"#);
        assert!(empty.response.listeners.is_empty());
    }

    #[test]
    fn a_task_status_that_is_not_documented_is_a_value() {
        for (json, status) in [
            ("0", TaskStatus::Succeeded),
            ("7", TaskStatus::Other(Some(7))),
            ("null", TaskStatus::Other(None)),
        ] {
            let text = format!(r#"{{"Response":{{"Status":{json},"Message":null,"RequestId":"r"}}}}"#);
            let answer: Answer<DescribeTaskStatusResponse> = success(&text);
            assert_eq!(answer.response.status, status);
        }
    }

    #[test]
    fn c23_an_error_inside_http_200_is_a_failure() {
        let problem = failure(
            200,
            r#"{"Response":{"Error":{"Code":"InternalError","Message":"m"},"RequestId":"r-2"}}"#,
        );
        assert_eq!((problem.kind, problem.code.as_deref()), (ErrorKind::Server, Some("InternalError")));
        assert_eq!((problem.message.as_str(), problem.request_id.as_deref()), ("m", Some("r-2")));
        let old = failure(200, r#"{"code":4000,"message":"m","codeDesc":"RequestLimitExceeded"}"#);
        assert_eq!((old.kind, old.executed), (ErrorKind::Throttled, Executed::No));
    }

    #[test]
    fn c23_answers_that_are_not_the_apis_are_typed_errors() {
        #[rustfmt::skip]
        let cases = [
            (502, "<html>Bad Gateway</html>", ErrorKind::Server),
            (503, "", ErrorKind::Server),
            (429, "slow down", ErrorKind::Throttled),
            (302, "", ErrorKind::Transport),
            (404, "{}", ErrorKind::Transport),
            (200, "<html>Portal</html>", ErrorKind::Transport),
            (200, "", ErrorKind::Transport),
            (200, "{}", ErrorKind::Transport),
            (200, "[]", ErrorKind::Transport),
            (200, r#"{"Response":null}"#, ErrorKind::Transport),
            (200, r#"{"Response":{"Listeners":[{"ListenerId":"lbl"#, ErrorKind::Transport),
            (200, r#"{"Response":{"Listeners":[{"Port":"443"}],"RequestId":"r"}}"#, ErrorKind::Transport),
            (200, r#"{"Response":{"Listeners":[{"Targets":[{"Weight":-1}]}],"RequestId":"r"}}"#, ErrorKind::Transport),
            (200, r#"{"Response":{"Error":{"Message":"no code"},"RequestId":"r"}}"#, ErrorKind::Transport),
            (200, "\u{1f}\u{8b}gzip", ErrorKind::Transport),
            (500, r#"{"Response":{"Error":{"Code":"RequestLimitExceeded"},"RequestId":"r"}}"#, ErrorKind::Throttled),
            (500, r#"{"Response":{"RequestId":"r"}}"#, ErrorKind::Server),
        ];
        for (status, body, kind) in cases {
            assert_eq!(failure(status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn c24_an_answer_without_a_request_id_is_an_error() {
        for id in ["", r#","RequestId":null"#, r#","RequestId":"""#, r#","RequestId":7"#] {
            let problem = failure(200, &format!(r#"{{"Response":{{"Listeners":[]{id}}}}}"#));
            assert_eq!((problem.kind, problem.executed), (ErrorKind::Transport, Executed::Maybe), "{id}");
        }
        let refused = failure(200, r#"{"Response":{"Error":{"Code":"LimitExceeded","Message":null}}}"#);
        assert_eq!((refused.kind, refused.request_id), (ErrorKind::Quota, None));
    }

    #[test]
    fn x10_an_answer_above_the_limit_is_not_parsed() {
        let body = format!(r#"{{"Response":{{"RequestId":"r","Pad":"{}"}}}}"#, "x".repeat(LARGEST));
        assert!(failure(200, &body).message.contains("larger than 16 MiB"));
    }

    #[test]
    fn c23_deep_nesting_does_not_exhaust_the_stack() {
        let body = format!(r#"{{"Response":{}"#, "[".repeat(1_000_000));
        assert_eq!(failure(200, &body).kind, ErrorKind::Transport);
    }

    proptest! {
        #[test]
        fn c23_no_answer_makes_the_reader_panic(status in 100_u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
            let response = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            prop_assert!(read::<DescribeTargetsResponse>(&response).is_err());
        }

        #[test]
        fn c23_a_good_answer_cut_or_changed_anywhere_is_read_or_refused(at in 0_usize..GOOD.len(), byte in any::<u8>(), cut: bool) {
            let mut body = GOOD.as_bytes().to_vec();
            body[at] = byte;
            body.truncate(if cut { at } else { GOOD.len() });
            let _ = read::<DescribeTargetsResponse>(&Response::new(Bytes::from(body)));
        }
    }

    const GOOD: &str = r#"{"Response":{"Listeners":[{"ListenerId":"lbl-1","Protocol":"HTTP","Port":80,"Targets":null,"Rules":[{"LocationId":"loc-1","Targets":[{"Type":"ENI","Port":8080,"Weight":10,"PrivateIpAddresses":["10.0.0.7"]}]}]}],"RequestId":"r-1"}}"#;

    fn success<T: DeserializeOwned>(body: &str) -> Answer<T> {
        read(&response(200, body)).unwrap()
    }

    fn failure(status: u16, body: &str) -> Problem {
        read::<DescribeTargetsResponse>(&response(status, body)).unwrap_err()
    }

    fn response(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }
}
