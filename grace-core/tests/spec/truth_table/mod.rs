//! The table of design.md 3.4 as data: what one Pod means for its target, for each state of the target. Each cell names
//! all that is sent; what the cells are is checked against an oracle that shares no code with the core.

mod expected;
mod fresh;
mod long_lived;
mod matrix;

use grace_core::{DrainOn, RouteEnd};

use crate::harness::Harness;
use crate::words::*;

/// Where the Pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    /// Not ready, and it was ready once on this target.
    Admitted,
    /// Not ready, and it never was.
    Unready,
    /// Its weight is held at 0 by whoever embeds the core.
    Held,
    Terminating,
    TerminatingUnready,
    Over,
    Gone,
    /// In no slice of the Service any more.
    Deselected,
}

/// What is sent for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// Nothing.
    None_,
    /// It is registered with the configured weight.
    Regist,
    /// It gets the configured weight.
    Weight,
    /// It gets weight 0.
    Zero__,
    /// It is deregistered.
    Dereg_,
    /// Nothing, or weight 0 once more: after a grant a claim that shows the target is enough for it, before any read.
    MayZer,
    /// It gets weight 0, and is deregistered after `config_drain`.
    ZeroDe,
}

use Sent::{Dereg_, MayZer, None_, Regist, Weight, Zero__, ZeroDe};
use State::{Admitted, Deselected, Gone, Held, Over, Ready, Terminating, TerminatingUnready, Unready};

/// Weights that the target has before: absent, 0, the configured one, some other one.
const BEFORE: [Option<u8>; 4] = [None, Some(0), Some(10), Some(33)];

/// What the Pod `web-1` goes through until it is in that state, a hold excepted.
fn facts(state: State) -> Vec<Fact> {
    match state {
        Ready | Held => vec![serving("web-1")],
        Admitted | Unready => vec![unready("web-1")],
        Terminating => vec![serving("web-1"), terminating("web-1")],
        TerminatingUnready => vec![unready("web-1"), terminating("web-1")],
        Over => vec![over("web-1")],
        Gone => vec![],
        Deselected => vec![serving("web-1"), deselected("web-1")],
    }
}

/// A cluster in which another Pod serves, so that no pool is ever empty. `None`: direct access was taken from the Service.
fn cluster(drain: Option<DrainOn>) -> Vec<Fact> {
    let bound = bound("web", ["lb-1/lbl-1"]);
    match drain {
        Some(drain) => vec![drains("web", drain), bound, serving("web-2")],
        None => vec![bound, ended("web", RouteEnd::Released), serving("web-2")],
    }
}

fn writes_of(sent: Sent) -> Vec<Write> {
    match sent {
        None_ | MayZer => vec![],
        Regist => vec![register("web-1", 10)],
        Weight => vec![weight("web-1", 10)],
        Zero__ => vec![weight("web-1", 0)],
        Dereg_ => vec![deregister("web-1")],
        ZeroDe => vec![weight("web-1", 0), deregister("web-1")],
    }
}

/// The writes of the next three minutes, or what broke a rule.
fn found(given: impl FnOnce() -> Harness) -> Result<Vec<Write>, String> {
    let run = std::panic::AssertUnwindSafe(|| {
        let mut t = given();
        t.wait(minutes(3));
        t.writes()
    });
    std::panic::catch_unwind(run).map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| "it panicked".to_owned())
    })
}
