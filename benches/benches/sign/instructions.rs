//! Instructions per signature, counted by callgrind: the difference of two counts of signatures in the same program.
//! SHA-256 is software there, for every contender.

use super::signers::{Signer, Task};

/// First argument of a run that is counted.
const COUNTED: &str = "counted";
/// Signatures of the two runs.
const COUNTS: [u32; 2] = [200, 1_000];

/// Does the work of a counted run, where this is one.
pub(crate) fn counted(arguments: &[String]) -> bool {
    let [_, mode, name, size, targets, count] = arguments else { return false };
    let number = |text: &str| text.parse().expect("a number, as `collected` wrote it");
    let signer = Signer::ALL.into_iter().find(|signer| signer.name() == name);
    let (COUNTED, Some(signer)) = (mode.as_str(), signer) else { return false };
    Task::new(number(size), number(targets)).run(signer, number(count));
    true
}

/// Instructions per signature of this crate, and of the hashing alone.
pub(crate) fn per_signature(size: usize, targets: usize) -> Option<[f64; 2]> {
    let [few, many] = COUNTS;
    let per_signature = |signer| {
        let counted = |count| collected(signer, size, targets, count);
        Some((counted(many)? - counted(few)?) / f64::from(many - few))
    };
    let found = per_signature(Signer::Ours).zip(per_signature(Signer::Hashing));
    if found.is_none() {
        println!("instructions: skipped, because valgrind is not installed or does not run this program");
    }
    found.map(|(ours, hashing)| [ours, hashing])
}

/// Instructions of a run with so many signatures.
fn collected(signer: Signer, size: usize, targets: usize, count: u32) -> Option<f64> {
    let arguments = [COUNTED, signer.name(), &size.to_string(), &targets.to_string(), &count.to_string()];
    grace_benches::instructions(&arguments, None)
}
