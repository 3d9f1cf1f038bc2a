//! `BatchRegisterTargets`. Documentation: product/214/33843.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, BatchTarget, LoadBalancerId, OverLimit};

/// Binds many targets to listeners and rules of one load balancer.
///
/// Answers without a task; listeners that failed are named in the answer. At most 500 targets, in VPC networks only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchRegisterTargets {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// At most 500.
    targets: Vec<BatchTarget>,
}

impl BatchRegisterTargets {
    /// The `targets` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, targets: Vec<BatchTarget>) -> Self {
        Self { load_balancer_id: load_balancer, targets }
    }

    /// As few calls as the limit allows for any number of targets.
    #[must_use]
    pub fn split(load_balancer: &LoadBalancerId, targets: &[BatchTarget]) -> Vec<Self> {
        targets.chunks(TARGETS).map(|chunk| Self::new(load_balancer.clone(), chunk.to_vec())).collect()
    }
}

/// What was done, and for which listeners it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct BatchRegisterTargetsResponse {
    /// Listeners that failed; everything that was sent for one of them, and for its rules, is in doubt. Empty: all is done.
    #[serde(rename = "FailListenerIdSet", deserialize_with = "or_default")]
    pub failed_listeners: Vec<String>,
    /// Why, in words.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// Names the call.
    pub request_id: String,
}

impl ApiCall for BatchRegisterTargets {
    const ACTION: &'static str = "BatchRegisterTargets";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = BatchRegisterTargetsResponse;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.targets.len(), TARGETS)
    }
}

/// Targets of one call.
const TARGETS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Address, InstanceId, ListenerId, Pool, RuleId, Weight};

    #[test]
    fn each_target_names_its_pool_and_its_weight_if_it_has_one() {
        let listener = |id| ListenerId::new(id).unwrap();
        let port = |port: u16| port.try_into().unwrap();
        let pod = Address::ip("172.16.5.23".parse().unwrap(), port(8443));
        let machine = Address::instance(InstanceId::new("ins-1").unwrap(), port(80));
        let targets = vec![
            BatchTarget::new(Pool::listener(listener("lbl-7tf2wq1a")), pod).with_weight(Weight::DRAINED),
            BatchTarget::new(
                Pool::rule(listener("lbl-661zpn3b"), RuleId::new("loc-78p1r0vb").unwrap()),
                machine,
            ),
        ];
        let request = BatchRegisterTargets::new(LoadBalancerId::new("lb-k2zjp9lv").unwrap(), targets);
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"LoadBalancerId":"lb-k2zjp9lv","Targets":[{"ListenerId":"lbl-7tf2wq1a","EniIp":"172.16.5.23","Port":8443,"Weight":0},{"ListenerId":"lbl-661zpn3b","LocationId":"loc-78p1r0vb","InstanceId":"ins-1","Port":80}]}"#
        );
    }

    #[test]
    fn c11_more_than_500_targets_are_refused() {
        let target = BatchTarget::new(
            Pool::listener(ListenerId::new("lbl-1").unwrap()),
            Address::ip("10.0.0.1".parse().unwrap(), 80.try_into().unwrap()),
        );
        let with =
            |n| BatchRegisterTargets::new(LoadBalancerId::new("lb-1").unwrap(), vec![target.clone(); n]);
        assert!(with(500).check().is_ok());
        assert!(with(501).check().is_err());
        let split = BatchRegisterTargets::split(&LoadBalancerId::new("lb-1").unwrap(), &with(1001).targets);
        assert_eq!(split.iter().map(|call| call.targets.len()).collect::<Vec<_>>(), [500, 500, 1]);
    }
}
