//! Readiness that changes again and again. Going to 0 is never delayed; coming back is.
//!
//! After three changes within 30 s a target gets its weight back only when its Pod has been ready without a break for a
//! while: 10 s, doubled by each further fall, at most 60 s, forgotten after 120 s of readiness.

use core::time::Duration;

use crate::record::{Flap, Seat};
use crate::time::Time;

/// So many changes...
const CHANGES: usize = 3;
/// ...within this time.
pub(crate) const WITHIN: Duration = Duration::from_secs(30);
const FIRST_HOLD: Duration = Duration::from_secs(10);
const LONGEST_HOLD: Duration = Duration::from_secs(60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

impl Seat {
    /// The readiness of the Pod changed.
    pub(crate) fn turned(&mut self, serving: bool, now: Time) {
        let flap = self.unsteady.get_or_insert_default().flap.get_or_insert_default();
        if flap.ready_since.is_some_and(|since| now >= since + FORGOTTEN_AFTER) {
            *flap = Flap::default();
        }
        if flap.changes.len() == CHANGES {
            flap.changes.pop_front();
        }
        flap.changes.push_back(now);
        flap.ready_since = serving.then_some(now);
        let often = flap.changes.len() == CHANGES
            && flap.changes.front().is_some_and(|first| now.since(*first) <= WITHIN);
        flap.hold = match flap.hold {
            Some(hold) if !serving => Some((hold * 2).min(LONGEST_HOLD)),
            None if often => Some(FIRST_HOLD),
            hold => hold,
        };
    }

    /// Until when a ready Pod has to wait for its weight, and the length of that wait.
    pub(crate) fn held_back(&self, now: Time) -> Option<(Time, Duration)> {
        let flap = self.unsteady.as_ref()?.flap.as_ref()?;
        let (hold, since) = (flap.hold?, flap.ready_since?);
        (now < since + hold).then_some((since + hold, hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::NONE;

    fn seat() -> Seat {
        Seat {
            pod: NONE,
            target: NONE,
            binding: NONE,
            next_of_pod: NONE,
            next_of_target: NONE,
            listed: true,
            serving: true,
            admitted: true,
            elsewhere: false,
            unsteady: None,
        }
    }

    #[test]
    fn two_changes_are_ordinary_and_three_within_thirty_seconds_are_not() {
        let mut seat = seat();
        let at = Time::from_unix_seconds;
        seat.turned(false, at(100));
        seat.turned(true, at(110));
        assert_eq!(seat.held_back(at(110)), None);
        seat.turned(false, at(120));
        seat.turned(true, at(121));
        assert_eq!(seat.held_back(at(121)), Some((at(131), FIRST_HOLD)));
        assert_eq!(seat.held_back(at(131)), None);
    }

    #[test]
    fn each_further_fall_doubles_the_wait_up_to_a_minute_and_two_minutes_of_readiness_forget_it() {
        let mut seat = seat();
        let at = Time::from_unix_seconds;
        let mut waits = alloc::vec::Vec::new();
        for n in 0..6 {
            seat.turned(false, at(100 + 2 * n));
            seat.turned(true, at(101 + 2 * n));
            waits.push(seat.held_back(at(101 + 2 * n)).map_or(0, |(_, hold)| hold.as_secs()));
        }
        assert_eq!(waits, [0, 10, 20, 40, 60, 60]);
        seat.turned(false, at(111 + 120));
        seat.turned(true, at(111 + 121));
        assert_eq!(seat.held_back(at(111 + 121)), None);
    }
}
