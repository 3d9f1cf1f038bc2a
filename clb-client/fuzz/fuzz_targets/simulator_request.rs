#![no_main]

#[path = "../../tests/fuzz/target.rs"]
#[expect(dead_code, reason = "one target of several")]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::simulator_request(data));
