//! `BatchModifyTargetWeight`: sets the weights of many targets of one load balancer. Documentation: product/214/33844.

use std::num::NonZeroU16;

use serde::Serialize;

use super::{Address, ApiCall, LoadBalancerId, OverLimit, Pool, Queued, Weight};

/// Sets the weights of many targets of one load balancer, over many listeners and rules.
///
/// Asynchronous: the answer says that the change is queued; [`Client::task`](crate::Client::task) waits for its effect.
/// At most 100 elements, 50 targets in each, 500 targets in all. Whether two elements may name the same pool is not
/// documented.
///
/// ```
/// use clb_client::api::{Address, BatchModifyTargetWeight, Pool, PoolWeights, TargetWeight, Weight};
///
/// let address = Address::ip("10.0.0.7".parse()?, 8080.try_into()?);
/// let drained = PoolWeights::new(Pool::listener("lbl-1".parse()?), vec![TargetWeight::new(address, Weight::DRAINED)]);
/// let request = BatchModifyTargetWeight::new("lb-1".parse()?, vec![drained]);
/// assert_eq!(
///     serde_json::to_string(&request)?,
///     r#"{"LoadBalancerId":"lb-1","ModifyList":[{"ListenerId":"lbl-1","Targets":[{"EniIp":"10.0.0.7","Port":8080,"Weight":0}]}]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchModifyTargetWeight {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// One element per listener or rule.
    modify_list: Vec<PoolWeights>,
}

impl BatchModifyTargetWeight {
    /// Changes `elements` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, elements: Vec<PoolWeights>) -> Self {
        Self { load_balancer_id: load_balancer, modify_list: elements }
    }

    /// As few calls as the limits allow for any number of changes, in their order as far as possible.
    ///
    /// A listener or rule that has more than 50 targets takes several elements. How many of them one call may hold is not
    /// documented: `elements_per_pool` says it, and 1 is safe.
    #[must_use]
    pub fn split(
        load_balancer: &LoadBalancerId,
        changes: Vec<PoolWeights>,
        elements_per_pool: NonZeroU16,
    ) -> Vec<Self> {
        let mut calls: Vec<Self> = Vec::new();
        for PoolWeights { pool, targets } in changes {
            for targets in targets.chunks(TARGETS_PER_ELEMENT) {
                let element = PoolWeights::new(pool.clone(), targets.to_vec());
                match calls.iter_mut().find(|call| call.has_room_for(&element, elements_per_pool)) {
                    Some(call) => call.modify_list.push(element),
                    None => calls.push(Self::new(load_balancer.clone(), vec![element])),
                }
            }
        }
        calls
    }

    /// Whether the call stays within all limits with one more `element`.
    fn has_room_for(&self, element: &PoolWeights, elements_per_pool: NonZeroU16) -> bool {
        let of_pool = self.modify_list.iter().filter(|other| other.pool == element.pool).count();
        self.modify_list.len() < ELEMENTS
            && self.targets() + element.targets.len() <= TARGETS
            && of_pool < usize::from(elements_per_pool.get())
    }

    /// Targets in all.
    fn targets(&self) -> usize {
        self.modify_list.iter().map(|element| element.targets.len()).sum()
    }
}

/// The weights of targets of one listener or rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolWeights {
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// At most 50.
    #[serde(rename = "Targets")]
    targets: Vec<TargetWeight>,
}

impl PoolWeights {
    /// The weights of `targets` of `pool`.
    #[must_use]
    pub const fn new(pool: Pool, targets: Vec<TargetWeight>) -> Self {
        Self { pool, targets }
    }
}

/// A target and the weight it shall have. The weight is not optional: the server would take a missing one for 10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetWeight {
    /// Who.
    #[serde(flatten)]
    address: Address,
    /// What it shall have, a zero included.
    #[serde(rename = "Weight")]
    weight: Weight,
}

impl TargetWeight {
    /// `weight` for the target `address`.
    #[must_use]
    pub const fn new(address: Address, weight: Weight) -> Self {
        Self { address, weight }
    }
}

impl ApiCall for BatchModifyTargetWeight {
    const ACTION: &'static str = "BatchModifyTargetWeight";
    // Weights are absolute values.
    const REPEATABLE: bool = true;
    type Response = Queued;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("elements", self.modify_list.len(), ELEMENTS)?;
        for element in &self.modify_list {
            OverLimit::check("targets of one listener or rule", element.targets.len(), TARGETS_PER_ELEMENT)?;
        }
        OverLimit::check("targets", self.targets(), TARGETS)
    }
}

/// Elements of one call.
const ELEMENTS: usize = 100;
/// Targets of one element.
const TARGETS_PER_ELEMENT: usize = 50;
/// Targets of one call.
const TARGETS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ListenerId, RuleId};

    #[test]
    fn c13_weight_zero_is_always_on_the_wire() {
        let listener = ListenerId::new("lbl-661zpn3b").unwrap();
        let rule = Pool::rule(listener, RuleId::new("loc-78p1r0vb").unwrap());
        let targets = vec![
            TargetWeight::new(address("10.202.0.96", 8080), Weight::DRAINED),
            TargetWeight::new(address("2001:db8::7", 8080), Weight::new(100).unwrap()),
        ];
        let request = BatchModifyTargetWeight::new(
            LoadBalancerId::new("lb-1kkno9qf").unwrap(),
            vec![PoolWeights::new(rule, targets)],
        );
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"LoadBalancerId":"lb-1kkno9qf","ModifyList":[{"ListenerId":"lbl-661zpn3b","LocationId":"loc-78p1r0vb","Targets":[{"EniIp":"10.202.0.96","Port":8080,"Weight":0},{"EniIp":"2001:db8::7","Port":8080,"Weight":100}]}]}"#
        );
    }

    #[test]
    fn c12_a_call_over_any_of_the_three_limits_is_refused() {
        assert_eq!(with(&[50; 10]).check(), Ok(()));
        assert_eq!(with(&[5; 100]).check(), Ok(()));
        for (lengths, found) in
            [(vec![1; 101], "101 elements"), (vec![51], "51 targets of one"), (vec![46; 11], "506 targets")]
        {
            let error = with(&lengths).check().unwrap_err().to_string();
            assert!(error.starts_with(found), "{error}");
        }
    }

    #[test]
    fn c12_any_number_of_changes_is_split_into_calls_within_all_limits() {
        #[rustfmt::skip]
        let rows = [
            // targets of each pool, elements per pool, calls
            (vec![], 1, 0),
            (vec![50], 1, 1),
            (vec![120], 1, 3),
            (vec![120], 2, 2),
            (vec![500], 10, 1),
            (vec![1; 250], 1, 3),
            (vec![20; 50], 1, 2),
            (vec![120, 10, 10], 1, 3),
        ];
        for row @ (_, per_pool, calls) in &rows {
            let changes = row.0.iter().enumerate().map(|(pool, n)| {
                let targets =
                    (0..*n).map(|i| TargetWeight::new(address("10.0.0.1", 1 + i), Weight::DRAINED)).collect();
                PoolWeights::new(Pool::listener(ListenerId::new(&format!("lbl-{pool}")).unwrap()), targets)
            });
            let split = BatchModifyTargetWeight::split(
                &LoadBalancerId::new("lb-1").unwrap(),
                changes.collect(),
                NonZeroU16::new(*per_pool).unwrap(),
            );
            assert_eq!(split.len(), *calls, "{row:?}");
            assert!(split.iter().all(|call| call.check().is_ok()), "{row:?}");
            let sent: usize = split.iter().map(BatchModifyTargetWeight::targets).sum();
            assert_eq!(sent, row.0.iter().map(|n| usize::from(*n)).sum::<usize>(), "{row:?}");
        }
    }

    fn with(lengths: &[usize]) -> BatchModifyTargetWeight {
        let target = TargetWeight::new(address("10.0.0.1", 80), Weight::DRAINED);
        let pool = Pool::listener(ListenerId::new("lbl-1").unwrap());
        let elements =
            lengths.iter().map(|n| PoolWeights::new(pool.clone(), vec![target.clone(); *n])).collect();
        BatchModifyTargetWeight::new(LoadBalancerId::new("lb-1").unwrap(), elements)
    }

    fn address(ip: &str, port: u16) -> Address {
        Address::ip(ip.parse().unwrap(), port.try_into().unwrap())
    }
}
