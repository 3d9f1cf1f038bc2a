//! Inputs near those of a corpus.

use fastrand::Rng;

/// One of `corpus`, changed in a few places; now and then bytes drawn at random.
pub(crate) fn mutated(corpus: &[&[u8]], dice: &mut Rng) -> Vec<u8> {
    if dice.u8(..) < 8 {
        return (0..dice.usize(..200)).map(|_| dice.u8(..)).collect();
    }
    let mut bytes = one(corpus, dice).to_vec();
    for _ in 0..dice.usize(0..6) {
        change(&mut bytes, corpus, dice);
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Changes one place.
fn change(bytes: &mut Vec<u8>, corpus: &[&[u8]], dice: &mut Rng) {
    let at = dice.usize(..=bytes.len());
    let upto = dice.usize(at..=bytes.len().min(at + 40));
    match dice.u8(..7) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.u8(..8);
            }
        }
        1 => bytes.insert(at, dice.u8(..)),
        2 => drop(bytes.drain(at..upto)),
        3 => {
            let copied = bytes[at..upto].to_vec();
            let to = dice.usize(..=bytes.len());
            bytes.splice(to..to, copied);
        }
        4 => drop(bytes.splice(at..upto, one(WORDS, dice).iter().copied())),
        5 => bytes.truncate(at),
        _ => {
            let other = one(corpus, dice);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[dice.usize(..=other.len())..]);
        }
    }
}

fn one<'a>(of: &[&'a [u8]], dice: &mut Rng) -> &'a [u8] {
    of[dice.usize(..of.len())]
}

/// What parsers stumble over.
const WORDS: &[&[u8]] = &[
    b"null",
    b"-1",
    b"0",
    b"256",
    b"65536",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"0.5",
    b"true",
    b"\"\"",
    b"\"",
    b"\\",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[]",
    b"{}",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"/",
    b";",
    b"=",
    b"%00",
    b"\"RequestId\":\"r\"",
    b"[[[[[[[[[[[[[[[[",
];

/// Bytes of an input.
const LONGEST: usize = 8 << 10;
