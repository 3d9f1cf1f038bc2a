//! Smooth weighted round robin: which target gets the next connection.

use std::collections::BTreeMap;

use crate::sim::pool::TargetKey;

/// The memory of one pool's round robin.
///
/// Each turn every candidate gains its weight, the richest one is chosen and pays the sum of all weights. So targets
/// alternate as evenly as their weights allow, instead of coming in blocks.
#[derive(Debug, Default)]
pub(super) struct Spread {
    credit: BTreeMap<TargetKey, i64>,
}

impl Spread {
    /// The next of the candidates, of which those with weight 0 are passed over.
    pub(super) fn next<'a>(
        &mut self,
        candidates: impl Iterator<Item = (&'a TargetKey, u8)>,
    ) -> Option<&'a TargetKey> {
        let mut total = 0;
        let mut richest: Option<(&TargetKey, i64)> = None;
        for (key, weight) in candidates.filter(|(_, weight)| *weight > 0) {
            let weight = i64::from(weight);
            total += weight;
            let credit = match self.credit.get_mut(key) {
                Some(credit) => {
                    *credit += weight;
                    *credit
                }
                None => {
                    self.credit.insert(key.clone(), weight);
                    weight
                }
            };
            if richest.is_none_or(|(_, most)| credit > most) {
                richest = Some((key, credit));
            }
        }
        let (key, _) = richest?;
        if let Some(credit) = self.credit.get_mut(key) {
            *credit -= total;
        }
        Some(key)
    }

    /// Forgets targets: one that comes back starts without credit and without debt.
    pub(super) fn retain(&mut self, keep: impl Fn(&TargetKey) -> bool) {
        self.credit.retain(|key, _| keep(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_alternate_in_proportion_to_their_weights() {
        let keys = [1, 2, 3].map(|i| TargetKey::by_address(([10, 0, 0, i], 80).into()));
        let mut spread = Spread::default();
        let mut turn = |weights: [u8; 3]| {
            let next = spread.next(keys.iter().zip(weights));
            next.map(|key| keys.iter().position(|candidate| candidate == key).unwrap())
        };
        let turns: Vec<_> = (0..7).map(|_| turn([5, 1, 1]).unwrap()).collect();
        assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
        let turns: Vec<_> = (0..4).map(|_| turn([0, 10, 10]).unwrap()).collect();
        assert_eq!(turns.iter().filter(|i| **i == 1).count(), 2, "{turns:?}");
        assert_eq!(turn([0, 0, 0]), None);
    }
}
