//! Clients on the other side of the CLB: short requests, slow requests, and meetings. Requests start by the clock and
//! not when an earlier one ends, so a stall costs as many requests as it would in production.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How much load, and of which kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Short requests per second, each on a connection of its own.
    pub(crate) short_per_second: u32,
    /// Slow requests per second.
    pub(crate) slow_per_second: u32,
    /// How long a slow request takes: longer than a Pod's readiness changes.
    pub(crate) slow: Duration,
    /// Meetings that are held all the time.
    pub(crate) meetings: u32,
    /// Pause between two heartbeats of a meeting.
    pub(crate) heartbeat: Duration,
    /// Longest wait for any answer beyond what was asked for.
    pub(crate) patience: Duration,
    /// Spreads the starts.
    pub(crate) seed: u64,
}

/// What the clients saw.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Short and slow requests sent.
    pub(crate) sent: u64,
    /// Of these, answered.
    pub(crate) answered: u64,
    /// Lost: the connection was refused.
    pub(crate) refused: u64,
    /// Lost: the connection was reset, or closed without an answer.
    pub(crate) reset: u64,
    /// Lost: no answer in time.
    pub(crate) timed_out: u64,
    /// Meetings joined.
    pub(crate) joined: u64,
    /// Meetings left because the server said goodbye.
    pub(crate) goodbyes: u64,
    /// Meetings cut: the connection broke without a goodbye.
    pub(crate) cut: u64,
    /// Worst lateness of a request's start, in microseconds: large values mean a machine that is too busy to measure.
    pub(crate) lateness_us: u64,
}

impl Tally {
    /// Requests lost by any cause.
    pub(crate) const fn lost(&self) -> u64 {
        self.refused + self.reset + self.timed_out
    }
}

/// A tally that many clients write.
#[derive(Clone, Debug, Default)]
struct Counters(Arc<Mutex<Tally>>);

impl Counters {
    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tally(&self) -> Tally {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Load that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Load {
    counters: Counters,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Starts to send to `clb`.
    pub(crate) fn start(clb: SocketAddr, plan: Plan) -> Self {
        let counters = Counters::default();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let requests = [(plan.short_per_second, None), (plan.slow_per_second, Some(plan.slow))];
        for (per_second, takes) in requests.into_iter().filter(|(per_second, _)| *per_second > 0) {
            tasks.spawn(request_by_the_clock(
                clb,
                plan,
                per_second,
                takes,
                counters.clone(),
                stopped.clone(),
            ));
        }
        let mut dice = fastrand::Rng::with_seed(plan.seed);
        for _ in 0..plan.meetings {
            let first_pause = plan.heartbeat.mul_f64(dice.f64());
            tasks.spawn(hold_meetings(clb, plan, first_pause, counters.clone(), stopped.clone()));
        }
        Self { counters, stop, tasks }
    }

    /// What happened so far.
    pub(crate) fn tally(&self) -> Tally {
        self.counters.tally()
    }

    /// Starts nothing more, waits for what is under way, and says what happened.
    pub(crate) async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.counters.tally()
    }
}

async fn request_by_the_clock(
    clb: SocketAddr,
    plan: Plan,
    per_second: u32,
    takes: Option<Duration>,
    counters: Counters,
    mut stopped: watch::Receiver<bool>,
) {
    let mut clock = interval(Duration::from_secs(1) / per_second);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            due = clock.tick() => {
                let late = u64::try_from(Instant::now().duration_since(due).as_micros()).unwrap_or(u64::MAX);
                counters.count(|tally| tally.lateness_us = tally.lateness_us.max(late));
                let counters = counters.clone();
                open.spawn(async move { request(clb, takes, plan.patience, &counters).await });
            }
            Some(_) = open.join_next() => {}
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    while open.join_next().await.is_some() {}
}

async fn request(clb: SocketAddr, takes: Option<Duration>, patience: Duration, counters: &Counters) {
    counters.count(|tally| tally.sent += 1);
    let question =
        takes.map_or_else(|| "short\n".to_owned(), |takes| format!("slow {}\n", takes.as_millis()));
    let exchange = async {
        let mut stream = BufReader::new(TcpStream::connect(clb).await?);
        stream.get_mut().write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        if answer == "done\n" { Ok(()) } else { Err(std::io::Error::from(ErrorKind::UnexpectedEof)) }
    };
    let ended = timeout(takes.unwrap_or_default() + patience, exchange).await;
    counters.count(|tally| match ended {
        Ok(Ok(())) => tally.answered += 1,
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => tally.refused += 1,
        Ok(Err(_)) => tally.reset += 1,
        Err(_) => tally.timed_out += 1,
    });
}

/// One participant who is always in some meeting: joins, stays until the server says goodbye, leaves, joins the next.
async fn hold_meetings(
    clb: SocketAddr,
    plan: Plan,
    first_pause: Duration,
    counters: Counters,
    mut stopped: watch::Receiver<bool>,
) {
    let meetings = async {
        sleep(first_pause).await;
        loop {
            let ended = meeting(clb, plan, &counters).await;
            counters.count(|tally| if ended.is_ok() { tally.goodbyes += 1 } else { tally.cut += 1 });
            // Whoever was cut off rings again after a moment.
            sleep(plan.heartbeat).await;
        }
    };
    tokio::select! {
        () = meetings => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

/// Ends well when the server said goodbye, badly when the connection broke or fell silent.
async fn meeting(clb: SocketAddr, plan: Plan, counters: &Counters) -> std::io::Result<()> {
    let mut stream = BufReader::new(TcpStream::connect(clb).await?);
    stream.get_mut().write_all(b"join\n").await?;
    counters.count(|tally| tally.joined += 1);
    let mut line = String::new();
    loop {
        stream.get_mut().write_all(b"beat\n").await?;
        line.clear();
        timeout(plan.patience, stream.read_line(&mut line)).await.map_err(|_| ErrorKind::TimedOut)??;
        match line.as_str() {
            "beat\n" => {}
            "goodbye\n" => return Ok(()),
            _ => return Err(ErrorKind::UnexpectedEof.into()),
        }
        // Between two heartbeats the goodbye is heard at once.
        line.clear();
        if let Ok(read) = timeout(plan.heartbeat, stream.read_line(&mut line)).await {
            read?;
            return if line == "goodbye\n" { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
    }
}
