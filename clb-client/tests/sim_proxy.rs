//! Layer 7 through the data plane, over real sockets: where a request goes, and which are cut.
#![cfg(feature = "sim")]

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use clb_client::sim::{
    Account, Config, Listener, LoadBalancer, PoolId, Rule, Simulator, TargetGroup,
    data_plane::{Counters, DataPlane, DialTable, Options, Sticky},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{Instant, sleep, timeout},
};

#[tokio::test]
async fn requests_on_one_connection_are_placed_one_by_one() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 30).await;
    rig.pod(2, 10).await;
    let mut client = rig.connect().await;
    let mut reached = BTreeMap::new();
    for _ in 0..40 {
        *reached.entry(client.get("/").await.unwrap().body).or_insert(0) += 1;
    }
    assert_eq!(reached, BTreeMap::from([("pod 1".to_owned(), 30), ("pod 2".to_owned(), 10)]));
    rig.until(|rig| rig.counters(1).open == 0).await;
    assert_eq!((rig.counters(1).opened, rig.counters(1).reset), (30, 0));
}

#[tokio::test]
async fn at_weight_0_the_request_under_way_ends_and_the_next_one_goes_elsewhere() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 10).await;
    let mut slow = rig.connect().await;
    slow.send("/slow").await;
    rig.until(|rig| rig.counters(1).open == 1).await;
    rig.pod(2, 10).await;
    rig.simulator.with(|account| account.plant(&web(), pod(1), 0));
    let mut other = rig.connect().await;
    for _ in 0..5 {
        assert_eq!(other.get("/").await.unwrap().body, "pod 2");
    }
    rig.go.notify_waiters();
    assert_eq!(slow.response().await.unwrap().body, "pod 1");
    assert_eq!(slow.get("/").await.unwrap().body, "pod 2", "the client's connection is tied to no target");
}

#[tokio::test]
async fn deregistration_cuts_the_request_under_way() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 10).await;
    let mut slow = rig.connect().await;
    slow.send("/slow").await;
    rig.until(|rig| rig.counters(1).open == 1).await;
    rig.simulator.with(|account| account.unplant(&web(), pod(1)));
    assert!(slow.response().await.is_err(), "no answer, not even an error");
    rig.until(|rig| rig.counters(1).cut == 1 && rig.counters(1).open == 0).await;
}

#[tokio::test]
async fn an_upgraded_connection_lives_at_weight_0_and_is_cut_at_deregistration() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 10).await;
    let mut socket = rig.connect().await;
    let head = "GET /socket HTTP/1.1\r\nhost: a.example.com\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    socket.stream.get_mut().write_all(head.as_bytes()).await.unwrap();
    assert_eq!(socket.response().await.unwrap().status, 101);
    rig.simulator.with(|account| account.plant(&web(), pod(1), 0));
    for _ in 0..3 {
        socket.stream.get_mut().write_all(b"ping").await.unwrap();
        let mut back = [0; 4];
        socket.stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"ping");
    }
    assert_eq!(rig.counters(1).open, 1);
    rig.simulator.with(|account| account.unplant(&web(), pod(1)));
    let end = timeout(Duration::from_secs(10), socket.stream.read_u8()).await.expect("an end within 10 s");
    assert!(end.is_err());
    rig.until(|rig| rig.counters(1).cut == 1 && rig.counters(1).open == 0).await;
}

#[tokio::test]
async fn the_most_precise_rule_counts() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 10).await;
    for (i, id, domain, url) in [(2, "loc-2", "a.example.com", "/api"), (3, "loc-3", "*.example.com", "/")] {
        rig.simulator.with(|account| {
            account.put_listener("lb-1", Listener::http("lbl-7", 8000).with_rule(Rule::new(id, domain, url)));
        });
        rig.bind(&PoolId::rule("lb-1", "lbl-7", id), i, 10).await;
    }
    let mut client = rig.connect().await;
    for (host, path, wanted) in [
        ("a.example.com", "/", "pod 1"),
        ("A.Example.com:8000", "/apple", "pod 1"),
        ("a.example.com", "/api/v1?x=/", "pod 2"),
        ("b.example.com", "/api", "pod 3"),
    ] {
        client.send_to(host, path).await;
        assert_eq!(client.response().await.unwrap().body, wanted, "{host}{path}");
    }
    client.send_to("example.com", "/").await;
    assert_eq!(client.response().await.unwrap().status, 404);
}

#[tokio::test]
async fn without_a_target_503_and_from_a_broken_one_502() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    let mut client = rig.connect().await;
    assert_eq!(client.get("/").await.unwrap().status, 503);
    rig.simulator.with(|account| account.plant(&web(), pod(9), 10));
    assert_eq!(client.get("/").await.unwrap().status, 502, "not in the dial table");
    rig.simulator.with(|account| account.unplant(&web(), pod(9)));
    rig.pod(1, 10).await;
    assert_eq!(client.get("/die").await.unwrap().status, 502);
    rig.until(|rig| rig.counters(1).reset == 1 && rig.counters(9).unreachable == 1).await;
    assert_eq!(client.get("/").await.unwrap().body, "pod 1");
}

#[tokio::test]
async fn a_cookie_keeps_a_client_at_its_target_and_may_do_so_at_weight_0() {
    for (sticky, after_zero) in [(Sticky::UntilWeightZero, "pod 2"), (Sticky::EvenAtWeightZero, "pod 1")] {
        let rule = Rule::new("loc-1", "a.example.com", "/").with_session_persistence(60);
        let rig = Rig::new(rule, Options::default().with_sticky(sticky)).await;
        rig.pod(1, 10).await;
        let mut client = rig.connect().await;
        let cookie = client.get("/").await.unwrap().cookie.expect("a cookie");
        rig.pod(2, 100).await;
        client.cookie = Some(cookie);
        for _ in 0..5 {
            let response = client.get("/").await.unwrap();
            assert_eq!((response.body.as_str(), response.cookie), ("pod 1", None), "{sticky:?}");
        }
        rig.simulator.with(|account| account.plant(&web(), pod(1), 0));
        assert_eq!(client.get("/").await.unwrap().body, after_zero, "{sticky:?}");
    }
}

#[tokio::test]
async fn a_rule_can_forward_to_a_target_group() {
    let rule = Rule::new("loc-1", "a.example.com", "/").with_target_group("lbtg-1");
    let rig = Rig::new(rule, Options::default()).await;
    rig.simulator.with(|account| account.put_target_group(TargetGroup::new("lbtg-1")));
    rig.bind(&PoolId::group("lbtg-1"), 1, 10).await;
    assert_eq!(rig.connect().await.get("/").await.unwrap().body, "pod 1");
}

#[tokio::test]
async fn bodies_and_headers_pass() {
    let rig = Rig::new(Rule::new("loc-1", "a.example.com", "/"), Options::default()).await;
    rig.pod(1, 10).await;
    let mut client = rig.connect().await;
    let head = "POST /mirror HTTP/1.1\r\nhost: a.example.com\r\ncontent-length: 5\r\nx-mine: 7\r\n\r\nhello";
    client.stream.get_mut().write_all(head.as_bytes()).await.unwrap();
    let body = client.response().await.unwrap().body;
    for wanted in [
        "POST /mirror HTTP/1.1",
        "host: a.example.com",
        "x-mine: 7",
        "x-forwarded-for: 127.0.0.1",
        "connection: close",
        "hello",
    ] {
        assert!(body.contains(wanted), "{wanted} is not in {body}");
    }
}

/// `lb-1` with the HTTP listener `lbl-7`, and Pods that are sockets of this test.
struct Rig {
    simulator: Simulator,
    plane: DataPlane,
    dial: DialTable,
    /// Lets slow requests end.
    go: Arc<Notify>,
}

impl Rig {
    async fn new(rule: Rule, options: Options) -> Self {
        let balancer = LoadBalancer::new("lb-1").with_listener(Listener::http("lbl-7", 8000).with_rule(rule));
        let simulator = Simulator::new(Account::new(Config::default()).with_load_balancer(balancer));
        let dial = DialTable::new();
        let plane = DataPlane::start(&simulator, dial.clone(), options).await.expect("free ports");
        Self { simulator, plane, dial, go: Arc::new(Notify::new()) }
    }

    async fn pod(&self, i: u8, weight: u8) {
        self.bind(&web(), i, weight).await;
    }

    async fn bind(&self, pool: &PoolId, i: u8, weight: u8) {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        self.dial.insert(pod(i), socket.local_addr().expect("bound"));
        let go = Arc::clone(&self.go);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, i, Arc::clone(&go)));
            }
        });
        assert!(self.simulator.with(|account| account.plant(pool, pod(i), weight)), "{pool} exists");
    }

    async fn connect(&self) -> Client {
        let address = self.plane.address("lb-1", "lbl-7").expect("it has a socket");
        let stream = TcpStream::connect(address).await.expect("it listens");
        Client { stream: BufReader::new(stream), cookie: None }
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

/// A Pod: one request per connection.
async fn serve(stream: TcpStream, i: u8, go: Arc<Notify>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = match path.as_str() {
        "/die" => return Ok(()),
        "/slow" => {
            go.notified().await;
            format!("pod {i}")
        }
        "/socket" => {
            let accepted = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
            stream.get_mut().write_all(accepted.as_bytes()).await?;
            let mut buffer = [0; 256];
            loop {
                let read = stream.read(&mut buffer).await?;
                if read == 0 {
                    return Ok(());
                }
                stream.get_mut().write_all(&buffer[..read]).await?;
            }
        }
        "/mirror" => {
            let mut sent = [0; 5];
            stream.read_exact(&mut sent).await?;
            head + &String::from_utf8_lossy(&sent)
        }
        _ => format!("pod {i}"),
    };
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.get_mut().write_all(answer.as_bytes()).await
}

/// A connection of a browser.
struct Client {
    stream: BufReader<TcpStream>,
    cookie: Option<String>,
}

struct Response {
    status: u16,
    body: String,
    /// Name and value of a cookie that is set.
    cookie: Option<String>,
}

impl Client {
    async fn get(&mut self, path: &str) -> io::Result<Response> {
        self.send(path).await;
        self.response().await
    }

    async fn send(&mut self, path: &str) {
        self.send_to("a.example.com", path).await;
    }

    async fn send_to(&mut self, host: &str, path: &str) {
        let cookie =
            self.cookie.as_ref().map_or_else(String::new, |cookie| format!("cookie: x=1; {cookie}\r\n"));
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{cookie}\r\n");
        self.stream.get_mut().write_all(head.as_bytes()).await.expect("the connection is open");
    }

    async fn response(&mut self) -> io::Result<Response> {
        timeout(Duration::from_secs(10), self.read()).await.expect("an answer within 10 s")
    }

    async fn read(&mut self) -> io::Result<Response> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
            Some(line.split_once(": ")?.1.to_owned())
        };
        let length = header("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Response {
            status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"),
            body: String::from_utf8(body).expect("text"),
            cookie: header("set-cookie").and_then(|line| Some(line.split(';').next()?.to_owned())),
        })
    }
}

fn web() -> PoolId {
    PoolId::rule("lb-1", "lbl-7", "loc-1")
}

fn pod(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}
