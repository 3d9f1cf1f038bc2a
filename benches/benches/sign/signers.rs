//! The contenders that are compiled in: this crate, the hashing that no signer can avoid, and two other ways to sign.

use std::hint::black_box;

use chrono::DateTime;
use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign_into};
use hmac::{Hmac, KeyInit, Mac};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

/// Who signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    /// `sign_into` of this crate, with a request made from the body each time.
    Ours,
    /// The compressions alone that a signature needs when whatever can be kept is kept: the body's, and five.
    Hashing,
    /// hmac, sha2, hex and chrono as the documentation describes the steps, one `format!` after the other.
    Straightforward,
    /// The steps of the crate tencentcloud 0.3.0, whose signing function is private (`src/tc3_hmac.rs`).
    Tencentcloud,
}

impl Signer {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Hashing, Self::Ours, Self::Straightforward, Self::Tencentcloud];

    /// Name in the output.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Hashing => "hashing",
            Self::Straightforward => "straightforward",
            Self::Tencentcloud => "tencentcloud 0.3.0",
        }
    }
}

/// One body, and what all sign it with.
pub(crate) struct Task {
    /// What is signed.
    pub(crate) body: Vec<u8>,
    /// For this crate.
    credential: Credential,
    /// As many as a signature compresses.
    blocks: Vec<[u8; 64]>,
}

impl Task {
    /// A body of `size` bytes: weight 0 for so many targets of one listener, filled up with blanks.
    pub(crate) fn new(size: usize, targets: usize) -> Self {
        let target = |i| format!(r#"{{"EniIp":"10.0.{}.{}","Port":8080,"Weight":0}}"#, i / 250, i % 250 + 1);
        let targets = (0..targets).map(target).collect::<Vec<_>>().join(",");
        let mut body = format!(
            r#"{{"LoadBalancerId":"lb-k2zjp9lv","ModifyList":[{{"ListenerId":"lbl-7tf2wq1a","Targets":[{targets}]}}]"#
        );
        let blanks = (size - 1).checked_sub(body.len()).expect("the targets leave room");
        body.extend(std::iter::repeat_n(' ', blanks).chain(['}']));
        let key = SecretKey::new(KEY).expect("a key");
        Self {
            body: body.into_bytes(),
            credential: Credential::new(SecretId::new(ID).expect("an id"), key),
            blocks: vec![[0; 64]; compressions(size)],
        }
    }

    /// `count` signatures.
    pub(crate) fn run(&self, signer: Signer, count: usize) {
        match signer {
            Signer::Ours => {
                let mut buffer = String::with_capacity(512);
                for _ in 0..count {
                    buffer.clear();
                    self.ours(&mut buffer);
                    black_box(&buffer);
                }
            }
            Signer::Hashing => {
                for _ in 0..count {
                    let mut state = black_box([0; 8]);
                    compress256(&mut state, black_box(&self.blocks));
                    black_box(state);
                }
            }
            Signer::Straightforward => (0..count).for_each(|_| drop(black_box(self.straightforward()))),
            Signer::Tencentcloud => (0..count).for_each(|_| drop(black_box(self.tencentcloud()))),
        }
    }

    /// The header value. Stops where the contenders that sign the same headers differ.
    pub(crate) fn authorization(&self) -> String {
        let mut ours = String::new();
        self.ours(&mut ours);
        assert_eq!(ours, self.straightforward(), "both signers give one signature");
        ours
    }

    fn ours(&self, buffer: &mut String) {
        let at = UnixSeconds::new(SECONDS).expect("before the year 9999");
        sign_into(buffer, &Unsigned::new(HOST, black_box(&self.body)), &self.credential, at);
    }

    fn straightforward(&self) -> String {
        let date = DateTime::from_timestamp(black_box(SECONDS.cast_signed()), 0)
            .expect("a time")
            .format("%Y-%m-%d")
            .to_string();
        let payload = hex::encode(Sha256::digest(black_box(&self.body)));
        let canonical =
            format!("POST\n/\n\ncontent-type:application/json\nhost:{HOST}\n\ncontent-type;host\n{payload}");
        let scope = format!("{date}/clb/tc3_request");
        let text = format!("TC3-HMAC-SHA256\n{SECONDS}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("TC3{KEY}").into_bytes();
        for message in [date.as_str(), "clb", "tc3_request"] {
            key = hmac(&key, message).to_vec();
        }
        let signature = hex::encode(hmac(&key, &text));
        format!(
            "TC3-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders=content-type;host, Signature={signature}"
        )
    }

    fn tencentcloud(&self) -> String {
        let now = OffsetDateTime::from_unix_timestamp(black_box(SECONDS.cast_signed())).expect("a time");
        let headers = format!("content-type:application/json; charset=utf-8\nhost:{HOST}\n");
        let payload = hex::encode(Sha256::digest(black_box(&self.body)));
        let canonical = format!("POST\n/\n\n{headers}\ncontent-type;host\n{payload}");
        let date = now.format(format_description!("[year]-[month]-[day]")).expect("a date");
        let scope = format!("{date}/clb/tc3_request");
        let canonical = hex::encode(Sha256::digest(canonical));
        let text = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{canonical}", now.unix_timestamp());
        let secret_date = hmac(format!("TC3{KEY}").as_bytes(), &date);
        let secret_signing = hmac(&hmac(&secret_date, "clb"), "tc3_request");
        let signature = hex::encode(hmac(&secret_signing, &text));
        format!(
            "TC3-HMAC-SHA256 Credential={ID}/{scope},SignedHeaders=content-type;host,Signature={signature}"
        )
    }
}

/// Compressions of SHA-256 in a signature of a body of `size` bytes: the body with its padding, two blocks of the canonical
/// request, two of the string to sign, and the outer one of the HMAC.
pub(crate) const fn compressions(size: usize) -> usize {
    (size + 9).div_ceil(64) + 5
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}

const HOST: &str = "clb.tencentcloudapi.com";
const ID: &str = "AKIDEXAMPLE";
const KEY: &str = "example-key";
/// 2026-03-01 00:00:00 UTC.
const SECONDS: u64 = 1_772_323_200;
