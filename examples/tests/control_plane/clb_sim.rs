//! The CLB as a program: started from its example, ordered by a file, looked at through `GET /state`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::get::get;
use crate::program::Program;

/// A running `clb_sim`.
pub(crate) struct ClbSim {
    pub(crate) address: SocketAddr,
    /// Ends it when dropped.
    _program: Program,
}

/// What `GET /state` answered.
pub(crate) struct State {
    answer: Value,
    /// The simulator's start is not before the first and not after the second.
    start: [Instant; 2],
}

/// The weights of a target: when each came into force, since the start; `None` stands for no target.
pub(crate) type Story = Vec<(Duration, Option<u8>)>;

impl ClbSim {
    /// Starts one whose tasks take `task`; `orders` are written into `folder`.
    pub(crate) async fn start(task: Duration, orders: &[Value], folder: &Path) -> Self {
        let file = folder.join("orders.json");
        std::fs::write(&file, orders.iter().map(Value::to_string).collect::<String>()).unwrap();
        let task = task.as_millis().to_string();
        let flags = ["--http", "127.0.0.1:0", "--task-ms", &task, file.to_str().unwrap()];
        let program = Program::run("clb_sim", &flags, &[]);
        let line = program.printed(&["endpoint", "http://"]).await;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
        Self { address: address.parse().unwrap(), _program: program }
    }

    /// Everything that it shows to people.
    pub(crate) async fn state(&self) -> State {
        let asked = Instant::now();
        let (status, body) = get(&self.address.to_string(), "/state").await;
        let answered = Instant::now();
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let now = millis(&answer["now_ms"]);
        // `now_ms` is cut to whole milliseconds.
        State { answer, start: [asked - now - Duration::from_millis(1), answered - now] }
    }
}

impl State {
    /// Targets of a pool, by its name in the state.
    pub(crate) fn targets(&self, pool: &str) -> Vec<(SocketAddr, u8)> {
        let balancers = self.answer["load_balancers"].as_array().unwrap();
        let targets = balancers.iter().find_map(|balancer| balancer["weights"][pool].as_object()).unwrap();
        let weight = |weight: &Value| u8::try_from(weight.as_u64().unwrap()).unwrap();
        targets.iter().map(|(address, found)| (address.parse().unwrap(), weight(found))).collect()
    }

    /// What became of a target, oldest first.
    pub(crate) fn story(&self, target: SocketAddr) -> Story {
        let target = target.to_string();
        let changes = self.answer["change_log"].as_array().unwrap();
        let weight = |weight: &Value| weight.as_u64().map(|weight| u8::try_from(weight).unwrap());
        let of = changes.iter().filter(|change| change["target"] == target);
        of.map(|change| (millis(&change["at_ms"]), weight(&change["after"]))).collect()
    }

    /// Actions that were called, oldest first.
    pub(crate) fn calls(&self) -> Vec<&str> {
        let calls = self.answer["call_log"].as_array().unwrap();
        calls.iter().map(|call| call["action"].as_str().unwrap()).collect()
    }

    /// Time since the last call.
    pub(crate) fn quiet(&self) -> Duration {
        let calls = self.answer["call_log"].as_array().unwrap();
        let last = calls.last().map_or(Duration::ZERO, |call| millis(&call["at_ms"]));
        millis(&self.answer["now_ms"]) - last
    }

    /// A time since the start as one of this process: not after it happened, and not before.
    pub(crate) fn instants(&self, at: Duration) -> [Instant; 2] {
        let [earliest, latest] = self.start;
        [earliest + at, latest + at + Duration::from_millis(1)]
    }
}

fn millis(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap())
}
