//! Target groups: targets that several listeners and rules share, and the reads of them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    account::Account,
    parameter::Parameters,
    pool::{Targets, shown},
    read::{Page, filters},
    refusal::Refusal,
};

/// A target group. Its writes lock the group, not the load balancers that use it.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) version: Version,
    /// Weight of targets that are registered without one.
    pub(crate) weight: Option<u8>,
    pub(crate) targets: Targets,
    pub(crate) busy_until: Duration,
    /// What reads still show, and until when.
    pub(crate) stale: VecDeque<(Duration, Targets)>,
}

/// `TargetGroupType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
}

impl TargetGroup {
    /// A group (`lbtg-...`) of the second version, without targets.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            vpc: "vpc-00000001".to_owned(),
            version: Version::V2,
            weight: None,
            targets: Targets::new(),
            busy_until: Duration::ZERO,
            stale: VecDeque::new(),
        }
    }

    /// The first version.
    #[must_use]
    pub const fn first_version(mut self) -> Self {
        self.version = Version::V1;
        self
    }

    /// The weight, at most 100, of targets that are registered without one; 10 when not set.
    #[must_use]
    pub fn with_weight(mut self, weight: u8) -> Self {
        self.weight = Some(weight.min(100));
        self
    }

    pub(crate) const fn target_type(&self) -> &'static str {
        match self.version {
            Version::V1 => "TARGETGROUP",
            Version::V2 => "TARGETGROUP-V2",
        }
    }

    /// As listeners and rules show it.
    pub(crate) fn shown_in_short(&self) -> Value {
        json!({"TargetGroupId": self.id, "TargetGroupName": self.id, "Weight": null})
    }

    fn shown(&self) -> Value {
        json!({
            "TargetGroupId": self.id,
            "VpcId": self.vpc,
            "TargetGroupName": self.id,
            "Port": null,
            "CreatedTime": "2026-01-01 00:00:00",
            "UpdatedTime": "2026-01-01 00:00:00",
            "AssociatedRule": null,
            "Protocol": "TCP",
            "ScheduleAlgorithm": null,
            "HealthCheck": null,
            "TargetGroupType": match self.version { Version::V1 => "v1", Version::V2 => "v2" },
            "AssociatedRuleCount": 0,
            "RegisteredInstancesCount": self.targets.len(),
            "Tag": [],
            "Weight": self.weight,
            "FullListenSwitch": false,
            "KeepaliveEnable": false,
            "SessionExpireTime": 0,
            "IpVersion": "IPv4",
            "SnatEnable": false,
        })
    }

    fn visible(&self, now: Duration) -> &Targets {
        self.stale.iter().find(|(until, _)| *until > now).map_or(&self.targets, |(_, before)| before)
    }
}

impl Account {
    /// `DescribeTargetGroups` and, without the associated rules, `DescribeTargetGroupList`.
    pub(crate) fn describe_target_groups(&self, body: &Value, associated: bool) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["TargetGroupIds", "Filters", "Limit", "Offset"])?;
        let ids = call.texts("TargetGroupIds")?;
        let filters = filters(&call, |name| matches!(name, "TargetGroupVpcId" | "TargetGroupName" | "Tag"))?;
        let page = Page::of(&call)?;
        let found: Vec<&TargetGroup> = self
            .groups
            .values()
            .filter(|group| ids.is_empty() || ids.contains(&group.id.as_str()))
            .filter(|group| {
                filters.iter().all(|(name, values)| match *name {
                    "TargetGroupVpcId" => values.contains(&group.vpc.as_str()),
                    "TargetGroupName" => values.contains(&group.id.as_str()),
                    _ => false,
                })
            })
            .collect();
        let rules = if associated { self.associated() } else { BTreeMap::new() };
        let shown: Vec<Value> = page
            .cut(&found)
            .iter()
            .map(|group| {
                let mut shown = group.shown();
                if let Some(rules) = rules.get(group.id.as_str()) {
                    shown["AssociatedRuleCount"] = Value::from(rules.len());
                    shown["AssociatedRule"] = Value::from(rules.clone());
                }
                shown
            })
            .collect();
        Ok(json!({"TotalCount": found.len(), "TargetGroupSet": shown}))
    }

    /// Who uses each group, as `AssociatedRule` shows it.
    fn associated(&self) -> BTreeMap<&str, Vec<Value>> {
        let mut found: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for balancer in self.load_balancers.values() {
            for listener in balancer.listeners.values() {
                let user = |rule: Option<(&str, &str, &str)>| {
                    let (id, domain, url) = rule
                        .map_or((None, None, None), |(id, domain, url)| (Some(id), Some(domain), Some(url)));
                    json!({
                        "LoadBalancerId": balancer.id,
                        "ListenerId": listener.id,
                        "LocationId": id,
                        "Protocol": listener.protocol.as_str(),
                        "Port": listener.port,
                        "Domain": domain,
                        "Url": url,
                        "LoadBalancerName": balancer.name,
                        "ListenerName": listener.id,
                        "Weight": null,
                        "RuleId": id,
                    })
                };
                if let Some(group) = &listener.group {
                    found.entry(group).or_default().push(user(None));
                }
                for rule in listener.rules.values() {
                    if let Some(group) = &rule.group {
                        found.entry(group).or_default().push(user(Some((&rule.id, &rule.domain, &rule.url))));
                    }
                }
            }
        }
        found
    }

    pub(crate) fn describe_target_group_instances(
        &self,
        body: &Value,
        now: Duration,
    ) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["Filters", "Limit", "Offset"])?;
        call.required_objects("Filters", &["Name", "Values"])?;
        let filters = filters(&call, |name| matches!(name, "TargetGroupId" | "BindIP" | "InstanceId"))?;
        let page = Page::of(&call)?;
        let named = |wanted: &str, value: &str| {
            filters.iter().all(|(name, values)| *name != wanted || values.contains(&value))
        };
        let mut found = Vec::new();
        for group in self.groups.values().filter(|group| named("TargetGroupId", &group.id)) {
            for (key, target) in group.visible(now) {
                if named("BindIP", &key.address.ip().to_string())
                    && named("InstanceId", key.instance.as_deref().unwrap_or_default())
                {
                    let mut shown = shown(key, target, &self.text_of(target.registered));
                    shown["TargetGroupId"] = Value::from(group.id.as_str());
                    shown["ZoneId"] = Value::Null;
                    found.push(shown);
                }
            }
        }
        let count = found.len();
        Ok(json!({"TotalCount": count, "RealCount": count, "TargetGroupInstanceSet": page.cut(&found)}))
    }
}
