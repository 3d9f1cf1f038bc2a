//! The fuzz targets on the stable toolchain: random changes of a corpus, for a short while.
//!
//! `GRACE_FUZZ_SECONDS` (default 0.2) says how long each target runs, `GRACE_FUZZ_SEED` repeats a run. `.ci/fuzz` runs the same
//! targets guided by coverage, and lets this file write the corpus that they begin with into the folder `GRACE_FUZZ_SEEDS`.

mod corpus;
mod mutate;
mod target;

use std::fmt::Debug;
use std::panic::catch_unwind;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};
use std::{env, fs, io};

#[test]
fn c23_no_answer_of_the_api_makes_the_client_panic() {
    smoke("api_answer", target::api_answer, corpus::API_ANSWERS);
}

#[test]
fn x6_every_error_of_the_api_is_told_in_one_line_and_classified_by_components() {
    smoke("error_body", target::error_body, corpus::ERROR_BODIES);
}

#[test]
fn whatever_is_signed_verifies() {
    smoke("canonicalisation", target::canonicalisation, corpus::REQUESTS);
}

#[test]
fn no_credentials_file_makes_the_reader_panic() {
    smoke("credentials_file", target::credentials_file, corpus::CREDENTIALS_FILES);
}

#[test]
fn no_answer_of_the_metadata_service_makes_its_reader_panic() {
    smoke("metadata_answer", target::metadata_answer, corpus::METADATA_ANSWERS);
}

#[test]
fn no_answer_of_the_token_service_makes_its_reader_panic() {
    smoke("token_answer", target::token_answer, corpus::TOKEN_ANSWERS);
}

#[test]
fn no_header_is_accepted_without_the_right_signature() {
    smoke("authorization", target::authorization, corpus::AUTHORIZATIONS);
}

#[cfg(feature = "sim")]
#[test]
fn no_request_makes_the_simulator_panic() {
    smoke("simulator_request", target::simulator_request, corpus::SIMULATOR_REQUESTS);
}

/// Runs a target until the time is over: the corpus as it is, then changed.
fn smoke(name: &str, target: fn(&[u8]), corpus: &[&[u8]]) {
    let seed = number("GRACE_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    let limit = Duration::from_secs_f64(number("GRACE_FUZZ_SECONDS").unwrap_or(0.2));
    let (mut dice, begun, mut executions) = (fastrand::Rng::with_seed(seed), Instant::now(), 0_u64);
    let run = |input: &[u8]| {
        if catch_unwind(|| target(input)).is_err() {
            panic!("target {name}, seed {seed}: b\"{}\"", input.escape_ascii());
        }
    };
    for input in corpus {
        run(input);
        executions += 1;
    }
    if let Some(folder) = env::var_os("GRACE_FUZZ_SEEDS") {
        write_files(&Path::new(&folder).join(name), corpus).expect("the folder can be written");
    }
    while begun.elapsed() < limit {
        run(&mutate::mutated(corpus, &mut dice));
        executions += 1;
    }
    println!(
        "{name}: {executions} executions in {:.1} s, 0 panics, seed {seed}",
        begun.elapsed().as_secs_f64()
    );
}

/// Each input as a file.
fn write_files(folder: &Path, corpus: &[&[u8]]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    corpus.iter().enumerate().try_for_each(|(n, input)| fs::write(folder.join(n.to_string()), input))
}

/// The value of a variable, where it is set.
fn number<N: FromStr<Err: Debug>>(variable: &str) -> Option<N> {
    env::var(variable).ok().map(|text| text.parse().expect("a number"))
}
