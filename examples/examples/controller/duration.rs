//! Durations as flags write them.

use std::time::Duration;

/// `500ms`, `10s`, `2m`: a whole number and its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(ADVICE.to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| ADVICE.to_owned())?;
    let total = number.checked_mul(millis).filter(|total| *total <= LONGEST);
    total.map(Duration::from_millis).ok_or_else(|| "a day at most".to_owned())
}

/// The same, where too short a time would flood the CLB with reads.
pub(crate) fn at_least_a_second(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration < Duration::from_secs(1) { Err("1s at least".to_owned()) } else { Ok(duration) }
}

const ADVICE: &str = "write 500ms, 10s or 2m";
/// A day, in milliseconds.
const LONGEST: u64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_units_and_nothing_else() {
        #[rustfmt::skip]
        let rows = [
            ("500ms", Some(500)), ("10s", Some(10_000)), ("2m", Some(120_000)), ("0s", Some(0)), ("1440m", Some(86_400_000)),
            ("", None), ("s", None), ("10", None), ("1.5s", None), ("-1s", None), ("1h", None), ("10 s", None),
            ("1441m", None), ("18446744073709551615m", None), ("99999999999999999999s", None),
        ];
        for (text, millis) in rows {
            assert_eq!(parse(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
        assert!(at_least_a_second("999ms").is_err());
    }
}
