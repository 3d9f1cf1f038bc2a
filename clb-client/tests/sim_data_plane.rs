//! The data plane over real sockets: who gets a new connection, and which connections are cut.
#![cfg(feature = "sim")]

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use clb_client::sim::{
    Account, Config, Content, Health, Latency, Limits, Listener, LoadBalancer, PoolId, Simulator, Switch,
    TargetGroup,
    data_plane::{Counters, DataPlane, Deregistered, DialTable, Options, Sticky},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

#[tokio::test]
async fn connections_are_spread_by_weight() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 30).await;
    rig.pod(2, 10).await;
    rig.pod(3, 0).await;
    let mut reached = BTreeMap::new();
    for _ in 0..40 {
        *reached.entry(rig.connect().await.unwrap().pod).or_insert(0) += 1;
    }
    assert_eq!(reached, BTreeMap::from([(1, 30), (2, 10)]));
    assert_eq!(rig.counters(1).opened, 30);
    assert_eq!(rig.counters(3), Counters::default());
}

#[tokio::test]
async fn weight_0_keeps_connections_and_gets_no_further_ones() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    let mut old = rig.connect().await.unwrap();
    rig.pod(2, 10).await;
    rig.set_weight(1, 0).await;
    for _ in 0..20 {
        assert_eq!(rig.connect().await.unwrap().pod, 2);
        old.echo("still here").await.unwrap();
    }
    assert_eq!((rig.counters(1).opened, rig.counters(1).opened_after_zero, rig.counters(1).open), (1, 0, 1));
}

#[tokio::test]
async fn deregistration_resets_both_sides() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    rig.pod(2, 10).await;
    let (mut a, mut b) = (rig.connect().await.unwrap(), rig.connect().await.unwrap());
    if a.pod != 1 {
        std::mem::swap(&mut a, &mut b);
    }
    rig.deregister(1);
    assert_eq!(a.end().await, Err(io::ErrorKind::ConnectionReset));
    b.echo("not concerned").await.unwrap();
    rig.until(|rig| rig.counters(1).cut == 1 && rig.counters(1).open == 0).await;
    assert_eq!(rig.counters(2).cut, 0);
}

#[tokio::test]
async fn a_target_that_is_registered_anew_at_once_loses_its_old_connections() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    let mut old = rig.connect().await.unwrap();
    sleep(Duration::from_millis(2)).await;
    rig.simulator.with(|account| {
        account.unplant(&web(), pod(1));
        account.plant(&web(), pod(1), 10);
    });
    assert_eq!(old.end().await, Err(io::ErrorKind::ConnectionReset));
    rig.connect().await.unwrap().echo("fresh").await.unwrap();
}

#[tokio::test]
async fn deregistration_can_keep_connections_until_they_are_idle() {
    let keep = Deregistered::KeepUntilIdle(Duration::from_millis(300));
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default().with_deregistered(keep)).await;
    rig.pod(1, 10).await;
    let mut old = rig.connect().await.unwrap();
    rig.deregister(1);
    let busy_until = Instant::now() + Duration::from_millis(900);
    while Instant::now() < busy_until {
        old.echo("busy").await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(old.end().await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn without_a_target_connections_are_reset() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset));
    rig.pod(1, 0).await;
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset));
    assert_eq!(rig.plane.rejected(), 2);
    rig.set_weight(1, 10).await;
    assert_eq!(rig.connect().await.unwrap().pod, 1);
}

#[tokio::test]
async fn a_target_that_cannot_be_dialled_resets_the_client() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.simulator.with(|account| account.plant(&web(), pod(9), 10));
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset), "not in the dial table");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    rig.dial.insert(pod(9), nobody);
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset), "nobody listens");
    assert_eq!(rig.counters(9).unreachable, 2);
}

#[tokio::test]
async fn a_pod_that_dies_resets_its_clients_and_is_not_called_cut() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    let mut client = rig.connect().await.unwrap();
    client.stream.write_all(b"die\n").await.unwrap();
    assert_eq!(client.end().await, Err(io::ErrorKind::ConnectionReset));
    rig.until(|rig| rig.counters(1).reset == 1).await;
    assert_eq!(rig.counters(1).cut, 0);
}

#[tokio::test]
async fn an_orderly_end_passes_in_both_directions() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    let mut client = rig.connect().await.unwrap();
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.end().await, Ok(0));
    rig.until(|rig| rig.counters(1).open == 0).await;
    assert_eq!((rig.counters(1).reset, rig.counters(1).cut), (0, 0));
}

#[tokio::test]
async fn rescheduling_at_weight_0_cuts() {
    let listener = Listener::tcp("lbl-1", 80).with_switch(Switch::RescheduleTargetZeroWeight);
    let rig = Rig::new(listener, Options::default()).await;
    rig.pod(1, 10).await;
    let mut old = rig.connect().await.unwrap();
    rig.set_weight(1, 0).await;
    assert_eq!(old.end().await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn rescheduling_on_expansion_cuts_everybody() {
    let listener = Listener::tcp("lbl-1", 80).with_switch(Switch::RescheduleExpandTarget);
    let rig = Rig::new(listener, Options::default()).await;
    rig.pod(1, 10).await;
    let mut old = rig.connect().await.unwrap();
    rig.set_weight(1, 20).await;
    old.echo("a weight is no expansion").await.unwrap();
    rig.pod(2, 10).await;
    assert_eq!(old.end().await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_stopped_listener_takes_no_connections() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80).with_switch(Switch::Stop), Options::default()).await;
    rig.pod(1, 10).await;
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn c20_sticky_clients_come_back_and_may_reach_a_drained_target() {
    for (sticky, after_zero) in [(Sticky::UntilWeightZero, 2), (Sticky::EvenAtWeightZero, 1)] {
        let listener = Listener::tcp("lbl-1", 80).with_session_persistence(60);
        let rig = Rig::new(listener, Options::default().with_sticky(sticky)).await;
        rig.pod(1, 10).await;
        assert_eq!(rig.connect_from(7).await.unwrap().pod, 1);
        rig.pod(2, 100).await;
        for _ in 0..5 {
            assert_eq!(rig.connect_from(7).await.unwrap().pod, 1, "{sticky:?}: the same client");
        }
        rig.set_weight(1, 0).await;
        assert_eq!(rig.connect_from(7).await.unwrap().pod, after_zero, "{sticky:?}");
        assert_eq!(rig.connect_from(8).await.unwrap().pod, 2, "{sticky:?}: another client");
        assert_eq!(rig.counters(1).opened_after_zero, 2 - u64::from(after_zero), "{sticky:?}");
    }
}

#[tokio::test]
async fn the_targets_of_a_target_group_count_as_the_listeners() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80).with_target_group("lbtg-1"), Options::default()).await;
    rig.pod(1, 10).await;
    assert_eq!(rig.connect().await.err(), Some(io::ErrorKind::ConnectionReset), "bound to the listener only");
    rig.simulator.with(|account| {
        account.put_target_group(TargetGroup::new("lbtg-1"));
        account.plant(&PoolId::group("lbtg-1"), pod(1), 10);
    });
    let mut old = rig.connect().await.unwrap();
    rig.simulator.with(|account| account.unplant(&PoolId::group("lbtg-1"), pod(1)));
    assert_eq!(old.end().await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn unhealthy_targets_get_traffic_only_when_all_are() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    rig.pod(1, 10).await;
    rig.pod(2, 10).await;
    rig.simulator.with(|account| account.set_health(pod(1), Health::Dead));
    for _ in 0..4 {
        assert_eq!(rig.connect().await.unwrap().pod, 2);
    }
    rig.simulator.with(|account| account.set_health(pod(2), Health::Dead));
    let both = [rig.connect().await.unwrap().pod, rig.connect().await.unwrap().pod];
    assert!(both == [1, 2] || both == [2, 1], "{both:?}");
    rig.set_weight(1, 0).await;
    assert_eq!(rig.connect().await.unwrap().pod, 2, "weight 0 stays out all the same");
}

#[tokio::test]
async fn a_listener_that_comes_later_can_be_opened() {
    let mut rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    assert_eq!(rig.plane.address("lb-1", "lbl-2"), None);
    let address = rig.plane.open("lb-1", "lbl-2").await.unwrap();
    assert_eq!(rig.plane.open("lb-1", "lbl-2").await.unwrap(), address);
    assert_eq!(Client::connect(address, 1).await.err(), Some(io::ErrorKind::ConnectionReset));
    rig.pod(1, 10).await;
    rig.simulator.with(|account| {
        account.put_listener("lb-1", Listener::tcp("lbl-2", 81));
        account.plant(&PoolId::listener("lb-1", "lbl-2"), pod(1), 10);
    });
    assert_eq!(Client::connect(address, 1).await.unwrap().pod, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_stay_while_their_targets_drain() {
    let rig = Rig::new(Listener::tcp("lbl-1", 80), Options::default()).await;
    for i in 1..=4 {
        rig.pod(i, 10).await;
    }
    let mut clients = Vec::new();
    for _ in 0..1000 {
        clients.push(rig.connect().await.unwrap());
    }
    rig.set_weight(1, 0).await;
    rig.set_weight(2, 0).await;
    for client in &mut clients {
        client.echo("ping").await.unwrap();
    }
    rig.deregister(1);
    rig.until(|rig| rig.counters(1).cut == 250).await;
    let mut cut = 0;
    for client in &mut clients {
        match (client.pod, client.echo("ping").await) {
            (1, Err(_)) => cut += 1,
            (1, Ok(())) => panic!("a connection of the deregistered target lives on"),
            (_, result) => result.unwrap(),
        }
    }
    assert_eq!(cut, 250);
}

/// `lb-1` with one TCP listener, and Pods that are sockets of this test.
struct Rig {
    simulator: Simulator,
    plane: DataPlane,
    dial: DialTable,
}

impl Rig {
    async fn new(listener: Listener, options: Options) -> Self {
        let config = Config::default()
            .with_task(Latency::millis(1))
            .with_limits(Limits::default().with_calls_per_second(None));
        let account =
            Account::new(config).with_load_balancer(LoadBalancer::new("lb-1").with_listener(listener));
        let (simulator, dial) = (Simulator::new(account), DialTable::new());
        let plane = DataPlane::start(&simulator, dial.clone(), options).await.expect("free ports");
        Self { simulator, plane, dial }
    }

    /// Starts a Pod and binds it. It greets with its number, then echoes lines; at `die` it resets.
    async fn pod(&self, i: u8, weight: u8) {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        self.dial.insert(pod(i), socket.local_addr().expect("bound"));
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, i));
            }
        });
        self.simulator.with(|account| account.plant(&web(), pod(i), weight));
    }

    /// Through the API, to the end of the task, which is acknowledged.
    async fn set_weight(&self, i: u8, weight: u8) {
        let body = json!({"LoadBalancerId": "lb-1", "ModifyList": [{"ListenerId": "lbl-1", "Targets": [
            {"EniIp": pod(i).ip(), "Port": pod(i).port(), "Weight": weight}]}]});
        let task = self.call("BatchModifyTargetWeight", &body)["RequestId"].clone();
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.call("DescribeTaskStatus", &json!({"TaskId": task}))["Status"] != 0 {
            assert!(Instant::now() < deadline, "the task does not end");
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn deregister(&self, i: u8) {
        let body = json!({"LoadBalancerId": "lb-1", "Targets": [
            {"ListenerId": "lbl-1", "EniIp": pod(i).ip(), "Port": pod(i).port()}]});
        self.call("BatchDeregisterTargets", &body);
    }

    fn call(&self, action: &str, body: &Value) -> Value {
        let reply = self.simulator.with(|account| account.handle(account.now(), action, body));
        assert_eq!(reply.content.error_code(), None, "{action}: {reply:?}");
        let Content::Json(answer) = reply.content else { panic!("{action}: {reply:?}") };
        answer["Response"].clone()
    }

    async fn connect(&self) -> Result<Client, io::ErrorKind> {
        self.connect_from(1).await
    }

    /// From 127.0.0.`client`.
    async fn connect_from(&self, client: u8) -> Result<Client, io::ErrorKind> {
        Client::connect(self.plane.address("lb-1", "lbl-1").expect("it has a socket"), client).await
    }

    fn counters(&self, i: u8) -> Counters {
        self.plane.counters(&web(), pod(i))
    }

    async fn until(&self, wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !wanted(self) {
            assert!(Instant::now() < deadline, "not reached: {:?}", self.plane.all_counters());
            sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn serve(mut stream: TcpStream, i: u8) {
    let mut buffer = [0; 256];
    if stream.write_all(&[i]).await.is_err() {
        return;
    }
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if buffer[..read] == *b"die\n" {
            stream.set_zero_linger().expect("a socket option");
            return;
        }
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// A connection that a Pod has greeted.
#[derive(Debug)]
struct Client {
    stream: TcpStream,
    pod: u8,
}

impl Client {
    async fn connect(address: SocketAddr, from: u8) -> Result<Self, io::ErrorKind> {
        let connected = timeout(Duration::from_secs(10), async {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, from], 0)))?;
            let mut stream = socket.connect(address).await?;
            let pod = stream.read_u8().await?;
            io::Result::Ok(Self { stream, pod })
        });
        connected.await.expect("an answer within 10 s").map_err(|why| why.kind())
    }

    async fn echo(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        let mut back = vec![0; text.len()];
        self.stream.read_exact(&mut back).await?;
        assert_eq!(back, text.as_bytes());
        Ok(())
    }

    /// How the connection ends: 0 bytes, or an error.
    async fn end(&mut self) -> Result<usize, io::ErrorKind> {
        let mut rest = [0; 16];
        let read = timeout(Duration::from_secs(10), self.stream.read(&mut rest));
        read.await.expect("an end within 10 s").map_err(|why| why.kind())
    }
}

fn web() -> PoolId {
    PoolId::listener("lb-1", "lbl-1")
}

fn pod(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}
