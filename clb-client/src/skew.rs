//! What to add to the local clock so that the server accepts its time. Pure.

use chrono::DateTime;

use crate::sign::UnixSeconds;

/// The offset in seconds from the local clock to the server's, read from its `Date` header.
///
/// None when the header cannot be read, when the clocks agree with the offset `known` so far (then it is not the clock that
/// the server refuses), or when they are further apart than any clock that is merely set wrong.
pub(crate) fn offset(date: &str, local: UnixSeconds, known: i64) -> Option<i64> {
    let server = DateTime::parse_from_rfc2822(date).ok()?.timestamp();
    let offset = server.checked_sub(i64::try_from(local.get()).ok()?)?;
    let corrects = offset.abs_diff(known) > AGREEMENT;
    (corrects && offset.unsigned_abs() <= FURTHEST).then_some(offset)
}

/// Seconds. Far below the five minutes that the server tolerates, above what an answer may take.
const AGREEMENT: u64 = 30;

/// Seconds, sixty years. Clocks without a battery begin at 1970 or 2000.
const FURTHEST: u64 = 60 * 366 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n4_the_offset_is_learned_within_bounds() {
        // 2026-03-01 00:00:00 UTC
        let (date, server) = ("Sun, 01 Mar 2026 00:00:00 GMT", 1_772_323_200);
        #[rustfmt::skip]
        let rows = [
            (server - 301, 0, Some(301)),
            (server + 301, 0, Some(-301)),
            (server - 31_536_000, 0, Some(31_536_000)),
            (server, 3_600, Some(0)),          // the local clock was set right meanwhile
            (server - 3_600, 3_600, None),     // already corrected: it is not the clock
            (server - 20, 0, None),
            (0, 0, Some(1_772_323_200)),
            (253_402_300_799, 0, None),
        ];
        for row @ (local, known, wanted) in rows {
            assert_eq!(offset(date, UnixSeconds::new(local).unwrap(), known), wanted, "{row:?}");
        }
    }

    #[test]
    fn n4_a_date_that_cannot_be_read_teaches_nothing() {
        for date in ["", "yesterday", "Sun, 99 Mar 2026 00:00:00 GMT", "1772323200"] {
            assert_eq!(offset(date, UnixSeconds::new(0).unwrap(), 0), None, "{date}");
        }
    }
}
