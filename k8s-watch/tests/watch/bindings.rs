//! Which listeners serve a Service, asked of a simulated CLB.

use std::collections::BTreeSet;
use std::time::Duration;

use clb_client::Region;
use clb_client::sim::{
    Account, Action, Config, Fault, Listener, LoadBalancer, On, Protocol, Shape, Simulator, Switch,
};
use grace_core::{LaneId, LoadBalancerId, ObjectName, Pool, PortName, Resolution};
use k8s_watch::bind::{Binding, BindingQuestion, BindingRules};
use k8s_watch::translate::ListenerProtocol;
use k8s_watch::{Clb, Finding, ResolveBindings};

fn account() -> Account {
    let listeners = [
        Listener::tcp("lbl-80", 80),
        Listener::new("lbl-udp", Protocol::Udp, 80),
        Listener::new("lbl-ssl", Protocol::TcpSsl, 443).with_switch(Switch::RescheduleTargetZeroWeight),
        Listener::http("lbl-http", 8080),
        Listener::tcp("lbl-group", 81).with_target_group("lbtg-1"),
    ];
    let full = listeners.into_iter().fold(LoadBalancer::new("lb-1"), LoadBalancer::with_listener);
    Account::new(Config::default())
        .with_load_balancer(full)
        .with_load_balancer(LoadBalancer::new("lb-other").with_tag("tke-clusterId", "cls-other"))
        .with_load_balancer(LoadBalancer::new("lb-classic").classic())
}

struct World {
    simulator: Simulator,
    clb: Clb,
}

fn world() -> World {
    let simulator = Simulator::in_virtual_time(account());
    let region: Region = "ap-guangzhou".parse().unwrap();
    World { clb: Clb::new(simulator.client(region)), simulator }
}

impl World {
    async fn ask(&self, questions: &[BindingQuestion]) -> Vec<Binding> {
        self.clb.resolve(questions, &BindingRules::default()).await
    }

    fn calls(&self, action: Action) -> usize {
        self.simulator.with(|account| account.calls().iter().filter(|call| call.action == action).count())
    }
}

fn id(text: &str) -> LoadBalancerId {
    LoadBalancerId::try_from(text).unwrap()
}

fn question(clb: &str, protocols: &[ListenerProtocol], port: u16) -> BindingQuestion {
    BindingQuestion {
        service: ObjectName::new("shop", "web"),
        name: PortName::default(),
        port,
        protocols: protocols.to_vec(),
        load_balancer: Some(id(clb)),
    }
}

fn pools(binding: &Binding) -> Vec<String> {
    match &binding.pools {
        Resolution::Pending => vec!["pending".to_owned()],
        Resolution::Known(pools) => pools.iter().map(|(lane, pool)| format!("{lane}/{pool}")).collect(),
    }
}

fn reasons(binding: &Binding) -> Vec<&'static str> {
    binding.findings.iter().map(Finding::reason).collect()
}

#[tokio::test(start_paused = true)]
async fn ports_find_their_listeners_and_what_is_missing_is_told() {
    use ListenerProtocol::{Http, Tcp, TcpSsl, Udp};
    let world = world();
    type Row =
        (&'static str, &'static [ListenerProtocol], u16, &'static [&'static str], &'static [&'static str]);
    #[rustfmt::skip]
    let table: [Row; 9] = [
        ("lb-1",       &[Tcp],      80,   &["lb-1/lbl-80"],                  &[]),
        ("lb-1",       &[Udp],      80,   &["lb-1/lbl-udp"],                 &[]),
        ("lb-1",       &[Tcp, Udp], 80,   &["lb-1/lbl-80", "lb-1/lbl-udp"],  &[]),
        ("lb-1",       &[TcpSsl],   443,  &["lb-1/lbl-ssl"],                 &[]),
        ("lb-1",       &[Tcp],      443,  &[],                               &["ListenerMissing"]),
        ("lb-1",       &[Http],     8080, &[],                               &["ListenerMissing"]),
        // C18: a target group and a classic CLB are not written.
        ("lb-1",       &[Tcp],      81,   &[],                               &["ListenerMissing"]),
        ("lb-classic", &[Tcp],      80,   &["pending"],                      &["LoadBalancerRefused"]),
        ("lb-gone",    &[Tcp],      80,   &[],                               &["LoadBalancerMissing"]),
    ];
    for (clb, protocols, port, expected, told) in table {
        let answers = world.ask(&[question(clb, protocols, port)]).await;
        assert_eq!(pools(&answers[0]), expected, "{clb} {protocols:?} {port}");
        assert_eq!(reasons(&answers[0]), told, "{clb} {protocols:?} {port}");
        for finding in &answers[0].findings {
            let text = finding.to_string();
            assert!(text.contains(clb) && text.contains(&port.to_string()) && text.contains(": "), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_clb_waits_for_one() {
    let asked = BindingQuestion { load_balancer: None, ..question("lb-1", &[ListenerProtocol::Tcp], 80) };
    let answers = world().ask(&[asked]).await;
    assert_eq!(answers[0].pools, Resolution::Pending);
    assert_eq!(reasons(&answers[0]), ["LoadBalancerMissing"]);
}

#[tokio::test(start_paused = true)]
async fn x2_the_clb_of_another_cluster_is_refused_unless_it_is_named() {
    let world = world();
    let asked = |clb| [question(clb, &[ListenerProtocol::Tcp], 80)];
    let mut rules = BindingRules::default();
    let refused = world.clb.resolve(&asked("lb-other"), &rules).await;
    assert_eq!(reasons(&refused[0]), ["LoadBalancerRefused"]);
    assert_eq!(refused[0].refused, Some(LaneId::LoadBalancer(id("lb-other"))));
    assert!(refused[0].findings[0].to_string().contains("cls-other"));
    rules.cluster = Some("cls-ours".into());
    assert_eq!(reasons(&world.clb.resolve(&asked("lb-other"), &rules).await[0]), ["LoadBalancerRefused"]);
    rules.cluster = Some("cls-other".into());
    // Admitted; that it has no listener is another matter.
    assert_eq!(reasons(&world.clb.resolve(&asked("lb-other"), &rules).await[0]), ["ListenerMissing"]);
    rules.cluster = None;
    rules.load_balancers = BTreeSet::from([id("lb-other")]);
    assert_eq!(reasons(&world.clb.resolve(&asked("lb-other"), &rules).await[0]), ["ListenerMissing"]);
    // Where some are named, nothing else is looked at.
    let before = world.calls(Action::DescribeLoadBalancers);
    assert_eq!(reasons(&world.clb.resolve(&asked("lb-1"), &rules).await[0]), ["LoadBalancerRefused"]);
    assert_eq!(world.calls(Action::DescribeLoadBalancers), before);
}

#[tokio::test(start_paused = true)]
async fn many_services_on_one_clb_cost_one_call() {
    let world = world();
    let asked: Vec<_> = (0..100).map(|_| question("lb-1", &[ListenerProtocol::Tcp], 80)).collect();
    let answers = world.ask(&asked).await;
    assert!(answers.iter().all(|answer| pools(answer) == ["lb-1/lbl-80"]));
    assert_eq!((world.calls(Action::DescribeLoadBalancers), world.calls(Action::DescribeListeners)), (1, 1));
    world.ask(&asked).await;
    assert_eq!(world.calls(Action::DescribeListeners), 1, "known for a few seconds");
}

#[tokio::test(start_paused = true)]
async fn one_clb_that_does_not_exist_leaves_the_others_alone() {
    let world = world();
    let tcp = [ListenerProtocol::Tcp];
    let answers = world.ask(&[question("lb-gone", &tcp, 80), question("lb-1", &tcp, 80)]).await;
    assert_eq!(reasons(&answers[0]), ["LoadBalancerMissing"]);
    assert_eq!(pools(&answers[1]), ["lb-1/lbl-80"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_does_not_answer_leaves_it_open() {
    for fault in [
        Fault::Throttled,
        Fault::InternalError,
        Fault::Unreachable,
        Fault::Odd(Shape::Truncated),
        Fault::error("UnauthorizedOperation", "no"),
    ] {
        for action in [Action::DescribeLoadBalancers, Action::DescribeListeners] {
            let world = world();
            world.simulator.with(|account| account.faults().script(On::Action(action), 1, fault.clone()));
            let asked = [question("lb-1", &[ListenerProtocol::Tcp], 80)];
            assert_eq!(world.ask(&asked).await[0].pools, Resolution::Pending, "{fault:?} on {action:?}");
            assert_eq!(pools(&world.ask(&asked).await[0]), ["lb-1/lbl-80"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c16_an_answer_that_is_suddenly_empty_is_confirmed_by_another() {
    let asked = [question("lb-1", &[ListenerProtocol::Tcp], 80)];
    for action in [Action::DescribeLoadBalancers, Action::DescribeListeners] {
        let world = world();
        assert_eq!(pools(&world.ask(&asked).await[0]), ["lb-1/lbl-80"]);
        let empty = |times| {
            let fault = Fault::Odd(Shape::EmptyLists);
            world.simulator.with(|account| account.faults().script(On::Action(action), times, fault));
        };
        tokio::time::sleep(Duration::from_secs(60)).await;
        empty(1);
        assert_eq!(world.ask(&asked).await[0].pools, Resolution::Pending, "{action:?}");
        assert_eq!(pools(&world.ask(&asked).await[0]), ["lb-1/lbl-80"], "{action:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        empty(2);
        assert_eq!(world.ask(&asked).await[0].pools, Resolution::Pending, "{action:?}");
        assert_eq!(world.ask(&asked).await[0].pools, Resolution::Known(vec![]), "{action:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c23_odd_answers_are_survived() {
    for shape in [
        Shape::NullLists,
        Shape::EmptyLists,
        Shape::UnknownFields,
        Shape::NumbersAsStrings,
        Shape::NoRequestId,
    ] {
        let world = world();
        world.simulator.with(|account| account.faults().script(On::Any, 2, Fault::Odd(shape)));
        // Whatever is made of it, it is no pool that does not exist.
        let answers = world.ask(&[question("lb-1", &[ListenerProtocol::Tcp], 80)]).await;
        assert!(
            pools(&answers[0]).iter().all(|pool| pool == "lb-1/lbl-80" || pool == "pending"),
            "{shape:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c19_a_switch_that_cuts_connections_is_a_fact_of_the_lane() {
    let answers = world().ask(&[question("lb-1", &[ListenerProtocol::Tcp], 80)]).await;
    let lane = &answers[0].lanes[0];
    assert_eq!(lane.id, LaneId::LoadBalancer(id("lb-1")));
    let harmful: Vec<_> =
        lane.harmful.iter().map(|(pool, switch)| (pool.to_string(), switch.as_str())).collect();
    assert_eq!(harmful, [("lbl-ssl".to_owned(), "RescheduleTargetZeroWeight")]);
    assert!(matches!(lane.harmful[0].0, Pool::Listener(_)));
}

#[tokio::test(start_paused = true)]
async fn a_resync_costs_one_call_per_clb_whatever_the_number_of_services() {
    let mut rig = crate::rig::rig();
    for n in 0..40 {
        rig.service(&format!("web-{n}"), 80 + n % 2, &crate::rig::GRACE);
    }
    rig.start();
    rig.waits(300).await;
    let listeners = |rig: &crate::rig::Rig| {
        rig.calls().iter().filter(|call| call.action == Action::DescribeListeners).count()
    };
    let before = listeners(&rig);
    rig.waits(600).await;
    let calls = listeners(&rig) - before;
    println!("40 Services on one CLB: {calls} calls of DescribeListeners in 10 minutes");
    assert!((9..=14).contains(&calls), "{calls} calls in 10 resyncs");
}
