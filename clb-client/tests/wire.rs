//! Every action as text: what its request looks like, and what is read from its answer.
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

use clb_client::api::*;

#[test]
fn requests_have_the_documented_form() {
    let members = || vec![GroupMember::new("10.0.0.7".parse().unwrap(), port(80))];
    #[rustfmt::skip]
    let rows = [
        row(&DescribeLoadBalancers::new(), "DescribeLoadBalancers", "{}"),
        row(&DescribeLoadBalancers::new().with_ids(vec![lb()]).with_filter(Filter::new("tag-key", vec!["k".into()])).with_page(20, 100),
            "DescribeLoadBalancers", r#"{"LoadBalancerIds":["lb-1"],"Filters":[{"Name":"tag-key","Values":["k"]}],"Offset":20,"Limit":100}"#),
        row(&DescribeListeners::new(lb()).with_listeners(vec![listener()]).with_protocol(Protocol::TcpSsl).with_port(443),
            "DescribeListeners", r#"{"LoadBalancerId":"lb-1","ListenerIds":["lbl-1"],"Protocol":"TCP_SSL","Port":443}"#),
        row(&DescribeTargets::new(lb()).with_listeners(vec![listener()]).with_filter(Filter::new("location-id", vec!["loc-1".into()])),
            "DescribeTargets", r#"{"LoadBalancerId":"lb-1","ListenerIds":["lbl-1"],"Filters":[{"Name":"location-id","Values":["loc-1"]}]}"#),
        row(&DescribeTargetHealth::new(vec![lb()]).with_listeners(vec![listener()]).with_rules(vec![rule()]),
            "DescribeTargetHealth", r#"{"LoadBalancerIds":["lb-1"],"ListenerIds":["lbl-1"],"LocationIds":["loc-1"]}"#),
        row(&DescribeTaskStatus::new("t-1"), "DescribeTaskStatus", r#"{"TaskId":"t-1"}"#),
        row(&DescribeLBListeners::new(vec![BackendAddress::new("vpc-1", "10.0.0.7".parse().unwrap())]),
            "DescribeLBListeners", r#"{"Backends":[{"VpcId":"vpc-1","PrivateIp":"10.0.0.7"}]}"#),
        row(&DescribeQuota::new(), "DescribeQuota", "{}"),
        row(&DescribeCrossTargets::new().with_filter(Filter::new("ip", vec!["10.1.0.7".into()])).with_page(0, 100),
            "DescribeCrossTargets", r#"{"Filters":[{"Name":"ip","Values":["10.1.0.7"]}],"Offset":0,"Limit":100}"#),
        row(&DescribeAsyncJobs::new(vec!["r-1".into()]).with_page("t", 100),
            "DescribeAsyncJobs", r#"{"RequestIds":["r-1"],"NextToken":"t","MaxResults":100}"#),
        row(&RegisterTargets::new(lb(), layer7(), vec![Target::new(pod()).with_weight(Weight::DRAINED)]),
            "RegisterTargets", r#"{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","LocationId":"loc-1","Targets":[{"EniIp":"10.0.0.7","Port":80,"Weight":0}]}"#),
        row(&DeregisterTargets::new(lb(), layer4(), vec![Target::new(pod())]),
            "DeregisterTargets", r#"{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","Targets":[{"EniIp":"10.0.0.7","Port":80}]}"#),
        row(&ModifyTargetWeight::new(lb(), layer4(), vec![TargetWeight::new(pod(), Weight::DRAINED)]),
            "ModifyTargetWeight", r#"{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","Targets":[{"EniIp":"10.0.0.7","Port":80,"Weight":0}]}"#),
        row(&ModifyTargetPort::new(lb(), layer4(), vec![Target::new(pod())], port(81)),
            "ModifyTargetPort", r#"{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","Targets":[{"EniIp":"10.0.0.7","Port":80}],"NewPort":81}"#),
        row(&BatchDeregisterTargets::new(lb(), vec![BatchTarget::new(layer7(), pod())]),
            "BatchDeregisterTargets", r#"{"LoadBalancerId":"lb-1","Targets":[{"ListenerId":"lbl-1","LocationId":"loc-1","EniIp":"10.0.0.7","Port":80}]}"#),
        row(&DescribeTargetGroups::new().with_ids(vec![group()]), "DescribeTargetGroups", r#"{"TargetGroupIds":["lbtg-1"]}"#),
        row(&DescribeTargetGroupList::new().with_filter(Filter::new("TargetGroupName", vec!["n".into()])).with_page(0, 20),
            "DescribeTargetGroupList", r#"{"Filters":[{"Name":"TargetGroupName","Values":["n"]}],"Offset":0,"Limit":20}"#),
        row(&DescribeTargetGroupInstances::of_group(&group()).with_page(0, 100),
            "DescribeTargetGroupInstances", r#"{"Filters":[{"Name":"TargetGroupId","Values":["lbtg-1"]}],"Offset":0,"Limit":100}"#),
        row(&RegisterTargetGroupInstances::new(group(), members()),
            "RegisterTargetGroupInstances", r#"{"TargetGroupId":"lbtg-1","TargetGroupInstances":[{"BindIP":"10.0.0.7","Port":80}]}"#),
        row(&DeregisterTargetGroupInstances::new(group(), members()),
            "DeregisterTargetGroupInstances", r#"{"TargetGroupId":"lbtg-1","TargetGroupInstances":[{"BindIP":"10.0.0.7","Port":80}]}"#),
        row(&ModifyTargetGroupInstancesWeight::new(group(), vec![(members()[0], Weight::DRAINED)]),
            "ModifyTargetGroupInstancesWeight", r#"{"TargetGroupId":"lbtg-1","TargetGroupInstances":[{"BindIP":"10.0.0.7","Port":80,"Weight":0}]}"#),
        row(&ModifyTargetGroupInstancesPort::new(group(), vec![(members()[0], port(81))]),
            "ModifyTargetGroupInstancesPort", r#"{"TargetGroupId":"lbtg-1","TargetGroupInstances":[{"BindIP":"10.0.0.7","Port":80,"NewPort":81}]}"#),
        row(&AssociateTargetGroups::new(vec![Association::new(lb(), layer7(), group()).with_weight(Weight::DEFAULT)]),
            "AssociateTargetGroups", r#"{"Associations":[{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","LocationId":"loc-1","TargetGroupId":"lbtg-1","Weight":10}]}"#),
    ];
    for (action, json, documented_action, documented_json) in rows {
        assert_eq!((action, json.as_str()), (documented_action, documented_json));
    }
}

#[test]
fn answers_are_read_with_nulls_and_without_what_is_not_known() {
    let listeners: DescribeListenersResponse = read(
        r#"{"TotalCount":2,"RequestId":"r","Listeners":[
            {"ListenerId":"lbl-1","Protocol":"HTTPS","Port":443,"Rules":[{"LocationId":"loc-1","Domain":"d","Url":"/","TargetType":"TARGETGROUP-V2","HealthCheck":null}],
             "AttrFlags":["RescheduleTargetZeroWeight","Stop"],"SessionExpireTime":null,"HealthCheck":{"HealthSwitch":1,"IntervalTime":5,"HttpCode":null},"MaxConn":-1},
            {"ListenerId":"lbl-2","Protocol":"TCP","Port":80,"EndPort":0,"TargetType":"NODE","Rules":null,"DeregisterTargetRst":true}]}"#,
    );
    let [https, tcp] = &*listeners.listeners else { panic!("two listeners") };
    assert_eq!((https.protocol.has_rules(), tcp.protocol.has_rules()), (Some(true), Some(false)));
    assert!(https.cuts_drained_connections() && https.is_stopped() && !https.cuts_connections_on_expansion());
    assert_eq!(
        (&https.rules[0].target_type, &https.target_type),
        (&TargetType::TargetGroupV2, &TargetType::Other("".into()))
    );
    assert_eq!(https.health_check.as_ref().unwrap().interval_time, Some(5));
    assert!(tcp.deregister_target_rst && tcp.rules.is_empty() && tcp.target_type == TargetType::Node);

    let balancers: DescribeLoadBalancersResponse = read(
        r#"{"TotalCount":1,"RequestId":"r","LoadBalancerSet":[{"LoadBalancerId":"lb-1","Forward":1,"Status":1,"LoadBalancerVips":[],
            "Tags":[{"TagKey":"tke-clusterId","TagValue":"cls-1"}],"TargetRegionInfo":{"Region":"ap-guangzhou","VpcId":"vpc-1"},"ExpireTime":null}]}"#,
    );
    let one = &balancers.load_balancers[0];
    assert_eq!((one.tags[0].key.as_str(), one.tags[0].value.as_str()), ("tke-clusterId", "cls-1"));
    assert_eq!(one.target_region_info.as_ref().unwrap().region, "ap-guangzhou");

    let health: DescribeTargetHealthResponse = read(
        r#"{"RequestId":"r","LoadBalancers":[{"LoadBalancerId":"lb-1","Listeners":[{"ListenerId":"lbl-1","Protocol":"TCP","Port":80,
            "Rules":[{"LocationId":"loc-x","Domain":null,"Url":null,"Targets":[{"IP":"2001:db8::7","Port":80,"HealthStatus":true,"HealthStatusDetail":"Alive"}]}]}]}]}"#,
    );
    let target = &health.load_balancers[0].listeners[0].rules[0].targets[0];
    assert_eq!(
        (target.address(), target.verdict()),
        (Some("2001:db8::7".parse().unwrap()), HealthVerdict::Healthy)
    );

    let batch: BatchRegisterTargetsResponse =
        read(r#"{"FailListenerIdSet":["lbl-1"],"Message":null,"RequestId":"r"}"#);
    assert_eq!(batch.failed_listeners, ["lbl-1"]);
    let batch: BatchDeregisterTargetsResponse = read(r#"{"FailListenerIdSet":null,"RequestId":"r"}"#);
    assert!(batch.failed_listeners.is_empty());

    let members: DescribeTargetGroupInstancesResponse = read(
        r#"{"TotalCount":1,"RealCount":1,"RequestId":"r","TargetGroupInstanceSet":[{"TargetGroupId":"lbtg-1","Port":80,"Weight":0,
            "PrivateIpAddresses":["10.0.0.7"],"RegisteredTime":null}]}"#,
    );
    assert_eq!(
        (members.members[0].ip(), members.members[0].weight),
        (Some("10.0.0.7".parse().unwrap()), Some(0))
    );

    let elsewhere: DescribeCrossTargetsResponse = read(
        r#"{"TotalCount":1,"RequestId":"r","CrossTargetSet":[{"LocalVpcId":"vpc-1","VpcId":"vpc-2","IP":"10.1.0.7","InstanceId":null}]}"#,
    );
    assert_eq!(elsewhere.targets[0].ip(), Some("10.1.0.7".parse().unwrap()));

    let jobs: DescribeAsyncJobsResponse = read(
        r#"{"Jobs":[{"ApiName":"BatchModifyTargetWeight","RequestId":"r-1","Status":"Succeeded","ResourceIds":null}],"NextToken":null,"RequestId":"r"}"#,
    );
    assert_eq!((jobs.jobs[0].status.as_str(), jobs.next_token.as_str()), ("Succeeded", ""));

    let groups: DescribeTargetGroupsResponse = read(
        r#"{"TotalCount":1,"RequestId":"r","TargetGroupSet":[{"TargetGroupId":"lbtg-1","TargetGroupType":"v2","Port":null,"Weight":20,
            "AssociatedRule":[{"LoadBalancerId":"lb-1","ListenerId":"lbl-1","LocationId":null,"Protocol":"TCP","Port":80}]}]}"#,
    );
    assert_eq!((groups.groups[0].weight, groups.groups[0].associated[0].rule_id.as_str()), (Some(20), ""));

    let quotas: DescribeQuotaResponse = read(
        r#"{"QuotaSet":[{"QuotaId":"TOTAL_TARGET_BIND_QUOTA","QuotaCurrent":null,"QuotaLimit":100}],"RequestId":"r"}"#,
    );
    assert_eq!((quotas.quotas[0].current, quotas.quotas[0].limit), (None, Some(100)));

    let found: DescribeLBListenersResponse = read(
        r#"{"RequestId":"r","LoadBalancers":[{"LoadBalancerId":"lb-1","Vip":"1.2.3.4","Region":"ap-guangzhou","Listeners":[
            {"ListenerId":"lbl-1","Protocol":"UDP","Port":53,"Rules":null,"Targets":[{"Type":"eni","PrivateIp":"10.0.0.7","Port":53,"VpcId":123,"Weight":10}]}]}]}"#,
    );
    assert_eq!(found.load_balancers[0].listeners[0].targets[0].weight, Some(10));
}

fn row<R: ApiCall>(
    request: &R,
    action: &'static str,
    json: &'static str,
) -> (&'static str, String, &'static str, &'static str) {
    request.check().unwrap();
    (R::ACTION, serde_json::to_string(request).unwrap(), action, json)
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

fn lb() -> LoadBalancerId {
    LoadBalancerId::new("lb-1").unwrap()
}

fn listener() -> ListenerId {
    ListenerId::new("lbl-1").unwrap()
}

fn rule() -> RuleId {
    RuleId::new("loc-1").unwrap()
}

fn group() -> TargetGroupId {
    TargetGroupId::new("lbtg-1").unwrap()
}

fn layer4() -> Pool {
    Pool::listener(listener())
}

fn layer7() -> Pool {
    Pool::rule(listener(), rule())
}

fn pod() -> Address {
    Address::ip("10.0.0.7".parse().unwrap(), port(80))
}

fn port(port: u16) -> std::num::NonZeroU16 {
    port.try_into().unwrap()
}
