//! cargo bench -p grace-benches --bench sign
//!
//! What does a signature cost, beside the hashing that no signer can avoid, and beside other signers?
//!
//! Contenders take turns within each round: ours, a straightforward one (text by `format!`, the key derived each time), and
//! the hash function alone over as many blocks as a signature of a kept key needs: the body, and five more. The official
//! Python SDK runs beside them where `GRACE_SDK_PYTHON` names an interpreter that has it.

use std::alloc::System;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign, sign_into};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, what, size, count] = &arguments[..]
        && mode == COUNTED
    {
        let number = |text: &str| text.parse().expect("a number, as `collected` wrote it");
        return Bench::new(number(size)).run(what, number(count));
    }
    let vectors = known_answers();
    let sizes = [384, 3_072].map(measured);
    println!("{}", json!({ "known_answers": vectors, "sizes": sizes }));
}

/// Signs every vector whose headers this API sets, before a number is printed.
fn known_answers() -> usize {
    let file: Value =
        serde_json::from_str(include_str!("../../clb-client/tests/tc3/vectors.json")).expect("vectors");
    let vectors = file["vectors"].as_array().expect("a list");
    for vector in vectors {
        let text = |part: &str, name: &str| vector[part][name].as_str().unwrap_or_default().to_owned();
        let input = |name: &str| text("input", name);
        let [id, key, payload] = ["secret_id", "secret_key", "payload"].map(input);
        let credential =
            Credential::new(SecretId::new(id).expect("an id"), SecretKey::new(key).expect("a key"));
        let [host, method, path, query] = ["host", "method", "path", "query"].map(input);
        let [service, content_type, action] = ["service", "content_type", "action"].map(input);
        let mut request = Unsigned::new(&host, payload.as_bytes())
            .with_method(&method)
            .with_target(&path, &query)
            .with_service(&service)
            .with_content_type(&content_type);
        if text("expected", "signed_headers").contains("x-tc-action") {
            request = request.with_header("X-TC-Action", &action);
        }
        if vector["input"]["unsigned_payload"] == true {
            request = request.with_unsigned_payload();
        }
        let at = UnixSeconds::new(vector["input"]["timestamp"].as_u64().expect("seconds")).expect("a time");
        let signed = sign(&request, &credential, at);
        assert_eq!(signed.authorization(), text("expected", "authorization"), "{}", vector["name"]);
    }
    println!("{} known answers are met", vectors.len());
    vectors.len()
}

/// Time, allocations and instructions with a body of `size` bytes.
fn measured(size: usize) -> Value {
    let bench = Bench::new(size);
    assert_eq!(bench.ours(), bench.straightforward(), "both signers give one signature");
    let mut nanos = CONTENDERS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (what, taken) in CONTENDERS.iter().zip(&mut nanos) {
            let begun = Instant::now();
            bench.run(what, TURNS);
            taken.push(begun.elapsed().as_nanos() as f64 / TURNS as f64);
        }
    }
    let [ours, straightforward, floor] = nanos.map(|mut taken| {
        taken.sort_by(f64::total_cmp);
        taken[ROUNDS / 2]
    });
    let allocations = bench.allocations();
    let instructions = instructions(size);
    let python = python(size);
    println!(
        "{size} bytes: {ours:.0} ns, {:.2} times the hashing (goal: {}), {:.1} times faster than straightforward (goal at 384 bytes: 3.5)",
        ours / floor,
        if size < 1_000 { 1.6 } else { 1.15 },
        straightforward / ours,
    );
    println!("  {} allocations into a buffer (goal: 0), {} alone (goal: 1)", allocations[0], allocations[1]);
    if let Some([ours, floor]) = instructions {
        println!("  {ours:.0} instructions, {:.3} times the hashing (goal: 1.06)", ours / floor);
    }
    if let Some(python) = python {
        println!("  {:.1} times faster than the Python SDK (goal at 384 bytes: 15)", python / ours);
    }
    json!({
        "body_bytes": size,
        "ns": { "ours": round(ours), "straightforward": round(straightforward), "hashing": round(floor), "python_sdk": python.map(round) },
        "time_by_hashing": hundredths(ours / floor),
        "straightforward_by_ours": hundredths(straightforward / ours),
        "python_sdk_by_ours": python.map(|python| hundredths(python / ours)),
        "allocations_into_buffer": allocations[0],
        "allocations_alone": allocations[1],
        "instructions": instructions.map(|[ours, _]| round(ours)),
        "instructions_by_hashing": instructions.map(|[ours, floor]| hundredths(ours / floor)),
    })
}

/// One body and who signs it.
struct Bench {
    body: Vec<u8>,
    credential: Credential,
}

impl Bench {
    fn new(size: usize) -> Self {
        let body = format!(r#"{{"LoadBalancerId": "{}"}}"#, "x".repeat(size - 22)).into_bytes();
        assert_eq!(body.len(), size);
        let credential = Credential::new(
            SecretId::new("AKIDEXAMPLE").expect("an id"),
            SecretKey::new(KEY).expect("a key"),
        );
        Self { body, credential }
    }

    /// `count` signatures of the contender `what`.
    fn run(&self, what: &str, count: usize) {
        match what {
            "ours" => {
                let mut buffer = String::with_capacity(512);
                let (request, at) = (Unsigned::new(HOST, black_box(&self.body)), at());
                for _ in 0..count {
                    buffer.clear();
                    sign_into(&mut buffer, black_box(&request), &self.credential, at);
                    black_box(&buffer);
                }
            }
            "straightforward" => {
                for _ in 0..count {
                    black_box(self.straightforward());
                }
            }
            _ => {
                // With the padding exactly that many blocks.
                let blocks = (self.body.len() + 9).div_ceil(64) + 5;
                let bytes = vec![0_u8; blocks * 64 - 9];
                for _ in 0..count {
                    black_box(Sha256::digest(black_box(&bytes)));
                }
            }
        }
    }

    fn ours(&self) -> String {
        sign(&Unsigned::new(HOST, &self.body), &self.credential, at()).authorization().to_owned()
    }

    /// As the documentation describes it, one text after the other.
    fn straightforward(&self) -> String {
        let (seconds, date) = (at(), "2026-03-01");
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:{HOST}\n\ncontent-type;host\n{}",
            hex::encode(Sha256::digest(&self.body))
        );
        let scope = format!("{date}/clb/tc3_request");
        let text = format!("TC3-HMAC-SHA256\n{seconds}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("TC3{KEY}").into_bytes();
        for message in [date, "clb", "tc3_request"] {
            key = hmac(&key, message);
        }
        format!(
            "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders=content-type;host, Signature={}",
            hex::encode(hmac(&key, &text))
        )
    }

    /// Allocations per signature, into a buffer and alone.
    fn allocations(&self) -> [f64; 2] {
        let (request, at) = (Unsigned::new(HOST, &self.body), at());
        let mut buffer = String::with_capacity(512);
        let counted = |mut signed: Box<dyn FnMut() + '_>| {
            signed();
            let region = Region::new(HEAP);
            (0..1_000).for_each(|_| signed());
            region.change().allocations as f64 / 1_000.0
        };
        let into_a_buffer = counted(Box::new(|| {
            buffer.clear();
            sign_into(&mut buffer, &request, &self.credential, at);
        }));
        [into_a_buffer, counted(Box::new(|| drop(sign(&request, &self.credential, at))))]
    }
}

fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// 2026-03-01 00:00:00 UTC.
fn at() -> UnixSeconds {
    UnixSeconds::new(1_772_323_200).expect("before the year 9999")
}

/// Instructions per signature and of its hashing, both with the software form of SHA-256, which is all that valgrind has.
fn instructions(size: usize) -> Option<[f64; 2]> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, because valgrind is not installed");
        return None;
    }
    let per_turn = |what| Some((collected(what, size, 3_000)? - collected(what, size, 1_000)?) / 2_000.0);
    let counts = per_turn("ours").zip(per_turn("hashing")).map(|(ours, floor)| [ours, floor]);
    if counts.is_none() {
        println!("instructions: skipped, because valgrind did not run this program");
    }
    counts
}

/// Instructions of a run with so many signatures.
fn collected(what: &str, size: usize, count: usize) -> Option<f64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args([COUNTED, what, &size.to_string(), &count.to_string()])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    let (_, count) = told.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok().filter(|count| *count > 0.0)
}

/// Nanoseconds of the Python SDK.
fn python(size: usize) -> Option<f64> {
    let Some(interpreter) = std::env::var_os("GRACE_SDK_PYTHON") else {
        println!("Python SDK: skipped, because GRACE_SDK_PYTHON does not name an interpreter that has it");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sign/sdk.py");
    let run = Command::new(interpreter).args([script, &size.to_string(), "5000"]).output().ok()?;
    let nanos = String::from_utf8_lossy(&run.stdout).trim().parse().ok();
    if nanos.is_none() {
        println!("Python SDK: skipped, because the script failed: {}", String::from_utf8_lossy(&run.stderr));
    }
    nanos
}

fn round(number: f64) -> f64 {
    number.round()
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Who takes turns.
const CONTENDERS: [&str; 3] = ["ours", "straightforward", "hashing"];
const ROUNDS: usize = 9;
/// Signatures of a contender in a round.
const TURNS: usize = 20_000;
const HOST: &str = "clb.tencentcloudapi.com";
const KEY: &str = "example-key";
/// First argument of a run under callgrind.
const COUNTED: &str = "counted";
