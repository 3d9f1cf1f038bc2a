//! What a run says about itself.

use std::time::Duration;

use crate::search::Found;
use crate::world::Size;

/// All searches of a run together.
#[derive(Debug, Default)]
pub(crate) struct Total {
    unique: usize,
    generated: usize,
    depth: usize,
    took: Duration,
    rows: usize,
    /// States of the largest world.
    largest: usize,
}

impl Total {
    /// Adds a search, and prints it.
    pub(crate) fn add(&mut self, name: &str, size: &Size, found: &Found) {
        if self.rows == 0 {
            println!(
                "{:<42} {:>10} {:>11} {:>5} {:>8} {:>9}",
                "world", "unique", "generated", "depth", "seconds", "unique/s"
            );
        }
        self.rows += 1;
        let seconds = found.took.as_secs_f64();
        println!(
            "{name:<42} {:>10} {:>11} {:>5} {seconds:>8.2} {:>9.0}",
            found.unique,
            found.generated,
            found.depth,
            found.unique as f64 / seconds
        );
        if found.generated >= crate::search::MOST {
            println!("  not all of them: there are more states than are visited of one world");
        }
        if let Some((rule, steps)) = &found.broken {
            println!("  {size:?}\n  {rule}\n  {steps:?}");
            crate::search::tell(size, steps);
        }
        self.unique += found.unique;
        self.largest = self.largest.max(found.unique);
        self.generated += found.generated;
        self.depth = self.depth.max(found.depth);
        self.took += found.took;
    }

    /// Prints the sum, and the same as figures.
    pub(crate) fn print(&self) {
        let seconds = self.took.as_secs_f64();
        let (rate, bytes) = (self.unique as f64 / seconds, self.bytes_per_state());
        println!(
            "{:<42} {:>10} {:>11} {:>5} {seconds:>8.2} {rate:>9.0}  {bytes:.0} bytes per state",
            "together", self.unique, self.generated, self.depth
        );
        println!(
            "figures {{\"worlds\": {}, \"unique_states\": {}, \"generated_states\": {}, \"depth\": {}, \"seconds\": {seconds:.1}, \
             \"unique_states_per_second\": {rate:.0}, \"bytes_per_state\": {bytes:.0}, \"violations\": 0}}",
            self.rows, self.unique, self.generated, self.depth
        );
    }

    /// Memory at its highest over the states of the largest world, which needs the most.
    fn bytes_per_state(&self) -> f64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: f64 =
            peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0);
        kilobytes * 1024.0 / self.largest.max(1) as f64
    }
}
