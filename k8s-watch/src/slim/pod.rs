//! The wanted part of a Pod.

use grace_core::Time;

use super::field::{Ip, Present, object};
use super::{Kind, Meta};

object! {
    /// A Pod.
    struct Pod {
        /// Who it is.
        "metadata" => meta: Meta,
        /// What was asked for.
        "spec" => spec: PodSpec,
        /// What became of it.
        "status" => status: PodStatus,
    }
}

impl Kind for Pod {
    const KIND: &'static str = "Pod";
    const GROUP: &'static str = "";
    const PLURAL: &'static str = "pods";

    fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }
}

object! {
    /// What was asked for.
    struct PodSpec {
        /// Main containers; null in a bookmark.
        "containers" => containers: Vec<Container>,
        /// Seconds from the deletion to the kill.
        "terminationGracePeriodSeconds" => grace: i64,
        /// Conditions that must be true beside those of the containers before the Pod is ready.
        "readinessGates" => gates: Vec<ReadinessGate>,
    }
}

object! {
    /// A main container.
    struct Container {
        /// Its hooks.
        "lifecycle" => lifecycle: Lifecycle,
    }
}

object! {
    /// Hooks of a container.
    struct Lifecycle {
        /// What runs before SIGTERM.
        "preStop" => pre_stop: PreStopHook,
    }
}

object! {
    /// What runs before SIGTERM: one of these.
    struct PreStopHook {
        /// Sleeps.
        "sleep" => sleep: SleepAction,
        /// Runs a command.
        "exec" => exec: Present,
        /// Sends a request.
        "httpGet" => http_get: Present,
    }
}

object! {
    /// A sleep.
    struct SleepAction {
        /// Its length in seconds.
        "seconds" => seconds: i64,
    }
}

object! {
    /// A declared readiness gate.
    struct ReadinessGate {
        /// The condition that it waits for.
        "conditionType" => condition: Box<str>,
    }
}

object! {
    /// What became of the Pod.
    struct PodStatus {
        /// Phase.
        "phase" => phase: Box<str>,
        /// First address.
        "podIP" => ip: Ip,
        /// All addresses, at most one per family.
        "podIPs" => ips: Vec<PodIp>,
        /// Conditions.
        "conditions" => conditions: Vec<Condition>,
    }
}

object! {
    /// One address of a Pod.
    struct PodIp {
        /// The address.
        "ip" => ip: Ip,
    }
}

object! {
    /// A condition of a Pod.
    struct Condition {
        /// Which one.
        "type" => kind: Box<str>,
        /// `True`, `False` or `Unknown`.
        "status" => status: Box<str>,
        /// When it became so.
        "lastTransitionTime" => since: Time,
    }
}
