//! Signatures against a second signer: written from the documentation of Signature v3, one string at a time, over the
//! cryptography of ring. No line of it is shared with the crate.
//!
//! `GRACE_SIGN_CASES` (default 5,000) says how many requests are compared, `GRACE_SIGN_SEED` repeats a run. Optimised:
//! `GRACE_SIGN_CASES=1000000 cargo test --release -p clb-client --test sign_differential -- --nocapture`.

use std::env;
use std::fmt::Debug;
use std::str::FromStr;
use std::time::Instant;

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign};
use fastrand::Rng;
use ring::{digest, hmac};

#[test]
fn a_second_signer_gives_the_same_signatures() {
    let cases = number("GRACE_SIGN_CASES").unwrap_or(5_000_u64);
    let seed = number("GRACE_SIGN_SEED").unwrap_or_else(|| fastrand::u64(..));
    let (mut dice, begun) = (Rng::with_seed(seed), Instant::now());
    let mut case = Case::drawn(&mut dice);
    let mut credential = case.credential();
    for number in 0..cases {
        // Most cases share all but a part or two with the one before, so that what a credential keeps is used.
        let before = std::mem::replace(&mut case, Case::drawn(&mut dice));
        case.take_most_of(&before, &mut dice);
        if (&case.id, &case.key) != (&before.id, &before.key) {
            credential = case.credential();
        }
        let (ours, theirs) = (case.signed(&credential), case.signed_again());
        assert_eq!(ours, theirs, "seed {seed}, case {number}: {case:?}, after {before:?}");
    }
    println!("{cases} signatures compared in {:.1} s, seed {seed}", begun.elapsed().as_secs_f64());
}

#[test]
fn the_second_signer_meets_the_published_example() {
    let case = Case {
        id: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".into(),
        key: "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".into(),
        method: "POST",
        query: String::new(),
        service: "cvm".into(),
        host: "cvm.tencentcloudapi.com".into(),
        content_type: "application/json; charset=utf-8".into(),
        action: None,
        body: br#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#
            .to_vec(),
        seconds: 1_551_113_065,
    };
    let signed = case.signed_again();
    assert!(signed.ends_with("72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"), "{signed}");
}

/// One request and who signs it when.
#[derive(Debug)]
struct Case {
    id: String,
    key: String,
    method: &'static str,
    query: String,
    service: String,
    host: String,
    content_type: String,
    /// Signed as a third header where it is there.
    action: Option<String>,
    body: Vec<u8>,
    seconds: u64,
}

impl Case {
    fn drawn(dice: &mut Rng) -> Self {
        let get = dice.u8(..) < 20;
        let length = match dice.u8(..20) {
            0 => 0,
            1 => dice.usize(1_000..20_000),
            // Around the borders of the hash function's blocks.
            2..5 => 64 * dice.usize(1..5) + dice.usize(..20) - 10,
            _ => dice.usize(..700),
        };
        Self {
            id: word(dice, 1..40),
            key: word(dice, 1..90),
            method: if get { "GET" } else { "POST" },
            query: if get {
                format!("Limit={}&Name={}", dice.u8(..), word(dice, 0..30))
            } else {
                String::new()
            },
            service: word(dice, 1..12),
            host: format!("{}.example:{}", word(dice, 1..30), dice.u16(..)),
            content_type: ["application/json", "application/json; charset=utf-8"][dice.usize(..2)].to_owned(),
            action: dice.bool().then(|| word(dice, 1..30)),
            body: (0..length).map(|_| dice.u8(..)).collect(),
            seconds: match dice.u8(..4) {
                // The seconds around midnight.
                0 => 86_400 * dice.u64(1..2_932_000) + dice.u64(..3) - 1,
                _ => dice.u64(..=UnixSeconds::MAX.get()),
            },
        }
    }

    /// Each part that goes into what is kept stays as it was `before`, seven times out of eight.
    fn take_most_of(&mut self, before: &Self, dice: &mut Rng) {
        let mut stays = || dice.u8(..8) > 0;
        if stays() {
            (self.id, self.key) = (before.id.clone(), before.key.clone());
        }
        if stays() {
            (self.method, self.query) = (before.method, before.query.clone());
        }
        if stays() {
            self.service.clone_from(&before.service);
        }
        if stays() {
            self.host.clone_from(&before.host);
        }
        if stays() {
            self.content_type.clone_from(&before.content_type);
        }
        if stays() {
            self.action.clone_from(&before.action);
        }
        if stays() {
            self.seconds = before.seconds;
        }
        // Within the day or on the next one.
        self.seconds = (self.seconds + dice.u64(..10_000)).min(UnixSeconds::MAX.get());
    }

    fn credential(&self) -> Credential {
        Credential::new(
            SecretId::new(self.id.as_str()).expect("a word"),
            SecretKey::new(self.key.as_str()).expect("a word"),
        )
    }

    /// By the crate.
    fn signed(&self, credential: &Credential) -> String {
        let mut request = Unsigned::new(&self.host, &self.body)
            .with_method(self.method)
            .with_target("/", &self.query)
            .with_service(&self.service)
            .with_content_type(&self.content_type);
        if let Some(action) = &self.action {
            request = request.with_header("X-TC-Action", action);
        }
        let at = UnixSeconds::new(self.seconds).expect("before the year 9999");
        sign(&request, credential, at).authorization().to_owned()
    }

    /// By the second signer.
    fn signed_again(&self) -> String {
        let mut headers = format!("content-type:{}\nhost:{}\n", self.content_type, self.host);
        let mut names = "content-type;host".to_owned();
        if let Some(action) = &self.action {
            headers += &format!("x-tc-action:{}\n", action.to_lowercase());
            names += ";x-tc-action";
        }
        let canonical = [self.method, "/", &self.query, &headers, &names, &sha256(&self.body)].join("\n");
        let date = date(self.seconds / 86_400);
        let scope = format!("{date}/{}/tc3_request", self.service);
        let text = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{}", self.seconds, sha256(canonical.as_bytes()));
        let mut key = format!("TC3{}", self.key).into_bytes();
        for message in [date.as_str(), &self.service, "tc3_request"] {
            key = hmac_sha256(&key, message);
        }
        format!(
            "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.id,
            hexadecimal(&hmac_sha256(&key, &text))
        )
    }
}

/// `YYYY-MM-DD`, counted year by year and month by month.
fn date(mut day: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // 400 years of the calendar always have the same number of days.
    let mut year = 1970 + 400 * (day / 146_097);
    day %= 146_097;
    while day >= if leap(year) { 366 } else { 365 } {
        day -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", day + 1)
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hmac_sha256(key: &[u8], message: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes()).as_ref().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Letters, digits and what is allowed in ids beside them.
fn word(dice: &mut Rng, length: std::ops::Range<usize>) -> String {
    let letters = b"ABCXYZabcxyz0189-_.";
    (0..dice.usize(length)).map(|_| char::from(letters[dice.usize(..letters.len())])).collect()
}

/// The value of a variable, where it is set.
fn number<N: FromStr<Err: Debug>>(variable: &str) -> Option<N> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}
