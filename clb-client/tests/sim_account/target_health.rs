//! Health, the reverse look-up and quotas.

use std::time::Duration;

use clb_client::sim::{Config, Health, PoolId};
use serde_json::{Value, json};

use crate::harness::{Harness, pod, web};

#[test]
fn health_is_what_the_test_says() {
    let mut t = Harness::new(Config::default().with_first_probes(Duration::from_secs(15)));
    t.account.plant(&web(), pod(1), 10);
    let mut health = |ms, set| {
        t.at_ms(ms);
        if let Some(health) = set {
            t.account.set_health(pod(1), health);
        }
        let answer = t.ok("DescribeTargetHealth", &json!({"LoadBalancerIds": ["lb-1"]}));
        let target = answer["LoadBalancers"][0]["Listeners"][0]["Rules"][0]["Targets"][0].clone();
        (
            target["HealthStatus"].as_bool(),
            target["HealthStatusDetail"].clone(),
            target["HealthStatusDetial"].clone(),
        )
    };
    assert_eq!(health(14_999, None), (Some(false), json!("Unknown"), json!("Unknown")), "not probed yet");
    assert_eq!(health(15_000, None), (Some(true), json!("Alive"), json!("Alive")));
    assert_eq!(health(15_001, Some(Health::Dead)), (Some(false), json!("Dead"), json!("Dead")));
    assert_eq!(health(15_002, Some(Health::Close)), (Some(true), json!("Close"), json!("Close")));
}

#[test]
fn layer_4_health_comes_under_rules_too() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.plant(&PoolId::rule("lb-1", "lbl-7", "loc-1"), pod(1), 0);
    let answer = t.ok("DescribeTargetHealth", &json!({"LoadBalancerIds": ["lb-1"]}));
    let listeners = &answer["LoadBalancers"][0]["Listeners"];
    let layer_4 = &listeners[0]["Rules"][0];
    assert_eq!((&layer_4["Domain"], &layer_4["Url"]), (&Value::Null, &Value::Null));
    assert_eq!(layer_4["Targets"][0]["IP"], "10.0.0.1");
    let layer_7 = &listeners[1]["Rules"][0];
    assert_eq!((&layer_7["LocationId"], &layer_7["Targets"][0]["Weight"]), (&json!("loc-1"), &json!(0)));
    let ids: Vec<String> = (0..31).map(|i| format!("lb-{i}")).collect();
    t.refused("DescribeTargetHealth", &json!({"LoadBalancerIds": ids}), "InvalidParameterValue.Length");
    t.refused("DescribeTargetHealth", &json!({}), "MissingParameter");
}

#[test]
fn an_address_leads_to_its_load_balancers() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.plant(&PoolId::rule("lb-1", "lbl-7", "loc-1"), pod(1), 0);
    t.account.plant(&web(), pod(2), 10);
    let ask = |ip: &str, vpc: &str| json!({"Backends": [{"VpcId": vpc, "PrivateIp": ip}]});
    let answer = t.ok("DescribeLBListeners", &ask("10.0.0.1", "vpc-00000001"));
    let listeners = &answer["LoadBalancers"][0]["Listeners"];
    assert_eq!(
        listeners[0]["Targets"],
        json!([{"Type": "eni", "PrivateIp": "10.0.0.1", "Port": 8080, "VpcId": 1, "Weight": 10}])
    );
    assert_eq!(listeners[1]["Rules"][0]["LocationId"], "loc-1");
    for (ip, vpc) in [("10.0.0.9", "vpc-00000001"), ("10.0.0.1", "vpc-other")] {
        assert_eq!(t.ok("DescribeLBListeners", &ask(ip, vpc))["LoadBalancers"], json!([]));
    }
}

#[test]
fn quotas_are_told() {
    let mut t = Harness::new(Config::default());
    let quotas = t.ok("DescribeQuota", &json!({}))["QuotaSet"].clone();
    let bind = quotas.as_array().unwrap().iter().find(|quota| quota["QuotaId"] == "TOTAL_TARGET_BIND_QUOTA");
    assert_eq!(bind.unwrap()["QuotaLimit"], 100);
}
