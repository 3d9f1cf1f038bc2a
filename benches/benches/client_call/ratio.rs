//! One contender by another, round by round.

use std::fmt;

use serde_json::{Value, json};

/// Microseconds per call of two contenders in each round.
#[derive(Default)]
pub(crate) struct Ratio(Vec<(f64, f64)>);

impl Ratio {
    /// A further round.
    pub(crate) fn push(&mut self, upper: f64, lower: f64) {
        self.0.push((upper, lower));
    }

    /// What the upper one took in the last round.
    pub(crate) fn last_upper(&self) -> f64 {
        self.0.last().map_or(f64::NAN, |(upper, _)| *upper)
    }

    /// Median and range of the quotients, and the medians that they are of.
    pub(crate) fn json(&self) -> Value {
        let [least, median, most] = self.quotients();
        let [upper, lower] = self.medians();
        json!({
            "median": hundredths(median),
            "range": [hundredths(least), hundredths(most)],
            "us_per_call": [hundredths(upper), hundredths(lower)],
        })
    }

    fn quotients(&self) -> [f64; 3] {
        let quotients = sorted(self.0.iter().map(|(upper, lower)| upper / lower));
        [quotients[0], quotients[quotients.len() / 2], quotients[quotients.len() - 1]]
    }

    fn medians(&self) -> [f64; 2] {
        let median = |times: Vec<f64>| times[times.len() / 2];
        [
            median(sorted(self.0.iter().map(|(upper, _)| *upper))),
            median(sorted(self.0.iter().map(|(_, lower)| *lower))),
        ]
    }
}

/// `1.12 (1.08 to 1.19) times, 31.2 by 27.9 us:`
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([least, median, most], [upper, lower]) = (self.quotients(), self.medians());
        write!(f, "{median:.2} ({least:.2} to {most:.2}), {upper:.1} us by {lower:.1} us")
    }
}

pub(crate) fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}
