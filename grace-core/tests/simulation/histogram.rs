//! Spans of time in buckets that are at most 4 % wide, so that ten million of them take a few kilobytes.

use std::time::Duration;

/// Sixteen buckets for each doubling of a millisecond.
const PER_DOUBLING: u64 = 16;

/// A count per bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum: Duration,
    pub(crate) max: Duration,
}

impl Histogram {
    pub(crate) fn add(&mut self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let doubling = u64::from(millis.ilog2());
        let within = ((u128::from(millis) * u128::from(PER_DOUBLING)) >> doubling) as u64 - PER_DOUBLING;
        let bucket = usize::try_from(doubling * PER_DOUBLING + within).expect("small");
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum += span;
        self.max = self.max.max(span);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (bucket, count) in other.buckets.iter().enumerate() {
            self.buckets[bucket] += count;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// The span below which that share lies, rounded up to its bucket.
    pub(crate) fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.count * per_mille).div_ceil(1_000);
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count;
            if below >= rank && rank > 0 {
                let bucket = bucket as u64 + 1;
                let (doubling, within) = (bucket / PER_DOUBLING, bucket % PER_DOUBLING);
                return Duration::from_millis(((PER_DOUBLING + within) << doubling) / PER_DOUBLING)
                    .min(self.max);
            }
        }
        Duration::ZERO
    }
}
