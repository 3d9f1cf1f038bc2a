//! Prints how often a signature asks for memory: into a buffer of the caller, and alone. A program of its own, because an
//! allocator that counts slows what is timed.

use std::alloc::System;

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign, sign_into};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credential = Credential::new(SecretId::new("AKIDEXAMPLE")?, SecretKey::new("example-key")?);
    let at = UnixSeconds::new(1_772_323_200)?;
    let (body, mut buffer) = (vec![b' '; 384], String::with_capacity(512));
    let into_a_buffer = per_turn(|| {
        buffer.clear();
        sign_into(&mut buffer, &Unsigned::new("clb.tencentcloudapi.com", &body), &credential, at);
    });
    let alone = per_turn(|| drop(sign(&Unsigned::new("clb.tencentcloudapi.com", &body), &credential, at)));
    println!("{into_a_buffer} {alone}");
    Ok(())
}

/// Allocations per call of `signed`, after the first.
fn per_turn(mut signed: impl FnMut()) -> f64 {
    const TURNS: u16 = 1_000;
    signed();
    let region = Region::new(HEAP);
    (0..TURNS).for_each(|_| signed());
    region.change().allocations as f64 / f64::from(TURNS)
}
