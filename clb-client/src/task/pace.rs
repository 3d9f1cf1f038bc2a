//! When to ask for a task again: learned from how long the last tasks took. Pure.
//!
//! The status of all tasks of an account shares 20 calls per second. Asking every 100 ms, three busy load balancers use that
//! up; asking every second, a task is noticed half its length too late. So the first question comes when a share of the
//! last tasks would have been done, and how large that share is follows the load: small when few tasks are open, large when
//! many are.

use std::collections::VecDeque;
use std::time::Duration;

/// What is known about the length of tasks, and how many are waited for.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Lengths of the last [`REMEMBERED`] tasks, oldest first.
    recent: VecDeque<Duration>,
    /// Tasks that are waited for.
    open: usize,
}

impl Pace {
    /// One more task is waited for.
    pub(crate) fn opened(&mut self) {
        self.open += 1;
    }

    /// A task is not waited for any more.
    pub(crate) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// How many tasks are waited for.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// A task was running at `running` after its start and done at `done`.
    pub(crate) fn learn(&mut self, running: Option<Duration>, done: Duration) {
        // Found done by the first question, a task was shorter than that by an unknown share. A step down lets the pace follow
        // tasks that become faster, and costs a question or two when they have not.
        let length = running.map_or_else(|| done.mul_f64(0.7), |running| (running + done) / 2);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(length);
    }

    /// How long to wait before the next question about a task that has run for `elapsed` and was asked about `asked` times.
    /// `draw` is a random number from 0 to 1.
    pub(crate) fn pause(&self, asked: u32, elapsed: Duration, draw: f64) -> Duration {
        let Some(typical) = self.typical() else {
            let first = Duration::from_millis(200) + Duration::from_millis(100).mul_f64(draw.clamp(0.0, 1.0));
            return first
                .mul_f64(1.5_f64.powi(i32::try_from(asked.min(20)).unwrap_or(20)))
                .min(UNKNOWN_LONGEST);
        };
        let share = self.share(typical);
        if asked == 0 {
            return self.quantile(share.quantile).saturating_sub(elapsed);
        }
        // A task far longer than the others is asked about ever more rarely.
        typical.mul_f64(share.step).max(elapsed / 10).clamp(SHORTEST, LONGEST)
    }

    /// The mean length, if any is known.
    fn typical(&self) -> Option<Duration> {
        let count = u32::try_from(self.recent.len()).ok().filter(|count| *count > 0)?;
        Some((self.recent.iter().sum::<Duration>() / count).max(SHORTEST))
    }

    /// The length that `share` of the last tasks did not exceed.
    fn quantile(&self, share: f64) -> Duration {
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 19")]
        let at = (share * last as f64).round() as usize;
        sorted.get(at).copied().unwrap_or_default()
    }

    /// How eager to be: each row keeps the questions below 20 per second for as many open tasks per second of length.
    fn share(&self, typical: Duration) -> &'static Share {
        let load = self.open as f64 / typical.as_secs_f64();
        SHARES.iter().find(|share| load <= share.load).unwrap_or(&SHARES[SHARES.len() - 1])
    }
}

/// How eager to be under one load.
struct Share {
    /// Largest number of open tasks per second of their length.
    load: f64,
    /// Share of the last tasks that would be done at the first question.
    quantile: f64,
    /// Pause between two questions, as a share of the typical length.
    step: f64,
}

/// From a simulation with tasks of 1, 2 and 5 s: questions per task 2.8, 2.1, 1.4 and 1.15.
const SHARES: [Share; 4] = [
    Share { load: 8.0, quantile: 0.3, step: 0.15 },
    Share { load: 11.0, quantile: 0.5, step: 0.15 },
    Share { load: 17.0, quantile: 0.7, step: 0.2 },
    Share { load: f64::INFINITY, quantile: 0.9, step: 0.2 },
];

/// Tasks: enough for a quantile, few enough to follow a change within a rolling update.
const REMEMBERED: usize = 20;
/// No task ends sooner than it can be asked about.
const SHORTEST: Duration = Duration::from_millis(50);
/// Longest pause while the length is known.
const LONGEST: Duration = Duration::from_secs(5);
/// Longest pause while nothing is known.
const UNKNOWN_LONGEST: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn while_nothing_is_known_pauses_grow_from_a_quarter_second_to_two() {
        let pace = Pace::default();
        let pauses: Vec<_> = (0..8).map(|asked| pace.pause(asked, ms(0), 0.5).as_millis()).collect();
        assert_eq!(pauses, [250, 375, 562, 843, 1265, 1898, 2000, 2000]);
        assert_eq!((pace.pause(0, ms(0), 0.0), pace.pause(0, ms(0), 1.0)), (ms(200), ms(300)));
    }

    #[test]
    fn the_first_question_comes_at_a_quantile_that_follows_the_load() {
        let mut pace = Pace::default();
        for length in 1..=20 {
            pace.learn(Some(ms(length * 100)), ms(length * 100));
        }
        // Mean 1.05 s.
        #[rustfmt::skip]
        let rows = [(1, 700, 157), (8, 700, 157), (10, 1100, 157), (15, 1400, 210), (100, 1800, 210)];
        for (open, first, step) in rows {
            pace.open = open;
            assert_eq!(pace.pause(0, ms(0), 0.5), ms(first), "{open} open");
            assert_eq!(pace.pause(0, ms(100), 0.5), ms(first - 100), "{open} open");
            assert_eq!(pace.pause(1, ms(first), 0.5).as_millis(), step, "{open} open");
        }
    }

    #[test]
    fn c4_a_task_that_runs_for_ten_minutes_is_asked_about_ever_more_rarely() {
        let mut pace = Pace::default();
        pace.learn(Some(ms(900)), ms(1100));
        let (mut elapsed, mut asked) = (ms(0), 0);
        while elapsed < Duration::from_secs(600) {
            elapsed += pace.pause(asked, elapsed, 0.5);
            asked += 1;
        }
        assert!((100..200).contains(&asked), "{asked} questions in 10 minutes");
    }

    #[test]
    fn the_pace_follows_tasks_that_become_faster_or_slower() {
        let mut pace = Pace::default();
        for (length, polls_at_most) in [(1000, 2.9), (5000, 2.9), (500, 2.9)] {
            let mut asked_in_all = 0;
            for round in 0..120 {
                let (mut elapsed, mut asked, mut running) = (ms(0), 0, None);
                loop {
                    elapsed += pace.pause(asked, elapsed, 0.5);
                    asked += 1;
                    if elapsed >= ms(length) {
                        break;
                    }
                    running = Some(elapsed);
                }
                pace.learn(running, elapsed);
                if round >= 60 {
                    asked_in_all += asked;
                    let late = elapsed - ms(length);
                    assert!(late < ms(length / 2), "noticed {late:?} late, length {length} ms");
                }
            }
            let per_task = f64::from(asked_in_all) / 60.0;
            assert!(per_task < polls_at_most, "{per_task} questions per task of {length} ms");
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
