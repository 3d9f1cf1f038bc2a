//! How often a signature asks for memory. One test in a program of its own: the allocator counts for the whole process.

use std::alloc::System;

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign, sign_into};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_signature_allocates_once_and_into_a_buffer_never() {
    let credential = Credential::new(SecretId::new("AKIDEXAMPLE").unwrap(), SecretKey::new("key").unwrap());
    let (body, at) = (vec![b' '; 30_000], UnixSeconds::new(1_772_323_200).unwrap());
    let request = Unsigned::new("clb.tencentcloudapi.com", &body);
    let mut buffer = String::with_capacity(512);
    let first = sign(&request, &credential, at);

    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        buffer.clear();
        sign_into(&mut buffer, &request, &credential, at);
    }
    let into_a_buffer = region.change().allocations;
    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        drop(sign(&request, &credential, at));
    }
    let alone = region.change().allocations;
    assert_eq!(buffer, first.authorization());
    // The thread of the test runner may ask for memory of its own meanwhile.
    assert!(
        into_a_buffer < 10 && (100..110).contains(&alone),
        "{into_a_buffer} and {alone} in 100 signatures"
    );
}
