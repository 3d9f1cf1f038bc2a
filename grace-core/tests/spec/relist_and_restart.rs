//! Watches break, lists come late, twice or out of step, processes start anew: absence is concluded from a complete
//! list only, and what did not change causes no write.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{Event, Source, SourceKind};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{pods, slices};

fn with<const N: usize>(drain: grace_core::DrainOn, pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(drain);
    t.given(pods.map(serving));
    t
}

fn relist(t: &mut Harness) {
    for event in t.world.relist() {
        t.send(&event);
    }
}

#[test]
fn a7_a_relist_of_the_same_things_writes_nothing() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    t.given([terminating("web-1"), unready("web-2")]);
    for _ in 0..3 {
        relist(&mut t);
        t.wait(minutes(2));
    }
    assert_eq!(t.count(Verb::Claim), 0);
    t.expect([]);
}

#[test]
fn w2_gone_while_watching() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.unseen(gone("web-1"));
    relist(&mut t);
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn w2_nothing_is_gone_before_the_list_is_complete() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.unseen(gone("web-1"));
    let mut events = t.world.list_slices();
    events.extend(t.world.list_pods());
    let done = events.pop().expect("the end of the list");
    for event in events {
        t.send(&event);
    }
    t.wait(minutes(10));
    t.expect([]);
    t.send(&done);
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn w2_objects_act_before_the_list_is_complete() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.unseen(terminating("web-1"));
    let mut events = t.world.list_pods();
    events.pop();
    for event in events {
        t.send(&event);
    }
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn w3_a_list_that_starts_over_concludes_from_its_last_start() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    let first = t.world.list_pods();
    // The first attempt stated one Pod and broke; that Pod is gone when the second one starts.
    t.send(&first[0]);
    t.send(&first[1]);
    t.unseen(gone("web-1"));
    let second = t.world.list_pods();
    t.send(&second[0]);
    t.wait(minutes(2));
    t.expect([]);
    for event in &second[1..] {
        t.send(event);
    }
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn w3_the_end_of_a_list_that_never_started_concludes_nothing() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.send(&Event::ListDone(pods()));
    t.send(&Event::ListDone(slices()));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn a_list_of_one_namespace_says_nothing_about_another() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    let other = Source { kind: SourceKind::Pods, namespace: Some("elsewhere".into()) };
    t.send(&Event::ListStarted(other.clone()));
    t.send(&Event::ListDone(other));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn w5_a_pod_that_was_never_seen_terminating_is_deregistered_on_absence() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.unseen(gone("web-1"));
        relist(&mut t);
        t.settle();
        t.expect([deregister("web-1")]);
    }
}

#[test]
fn w7_streams_out_of_step_end_in_the_same_place() {
    // The end of a drain as it comes from two streams: the slices' news before, between or after the Pods' news.
    let steps = || [terminating("web-1"), gone("web-1")];
    for (first, second) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
        let mut t = with(Termination, ["web-1", "web-2"]);
        let [terminate, go] = steps();
        t.unseen(terminate);
        let a = split(t.world.news());
        t.unseen(go);
        let b = split(t.world.news());
        let mut slice_news: Vec<_> = a.1.into_iter().chain(b.1).collect();
        let mut pods_news: Vec<_> = a.0.into_iter().chain(b.0).collect();
        assert_eq!((pods_news.len(), slice_news.len()), (2, 2));
        let mut order = Vec::new();
        for position in 0..=2 {
            order.extend((first == position).then(|| slice_news.remove(0)));
            order.extend((second == position).then(|| slice_news.remove(0)));
            if position < 2 {
                order.push(pods_news.remove(0));
            }
        }
        for event in &order {
            t.send(event);
            t.wait(seconds(3));
        }
        t.settle();
        t.expect([weight("web-1", 0), deregister("web-1")]);
        t.expect_registered([("web-2", 10)]);
    }
}

/// The Pods' news and the slices' news.
fn split(events: Vec<Event>) -> (Vec<Event>, Vec<Event>) {
    events.into_iter().partition(|event| matches!(event, Event::Pod { .. } | Event::PodGone { .. }))
}

#[test]
fn w7_a_slice_that_names_an_unknown_pod_waits_for_it() {
    let mut t = with(Termination, ["web-1"]);
    t.unseen(serving("web-2"));
    let (pods, slices) = split(t.world.news());
    for event in &slices {
        t.send(event);
    }
    t.wait(minutes(2));
    t.expect([]);
    for event in &pods {
        t.send(event);
    }
    t.settle();
    t.expect([register("web-2", 10)]);
}

#[test]
fn w8_repeated_events_change_nothing() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    for fact in [
        unready("web-1"),
        serving("web-1"),
        terminating("web-2"),
        gone("web-2"),
        over("web-3"),
        gone("web-3"),
    ] {
        t.unseen(fact);
        let news = t.world.news();
        for event in &news {
            t.send(event);
            t.send(event);
        }
        t.settle();
        t.forget();
        for event in news.iter().chain(&news) {
            t.send(event);
            t.wait(seconds(1));
        }
        t.settle();
        t.expect([]);
        let repeated = t.notices.len();
        assert_eq!(repeated, 0, "{:?}", t.notices);
    }
}

#[test]
fn w8_the_end_of_an_unknown_pod_or_slice_is_nothing() {
    let mut t = with(Termination, ["web-1"]);
    t.send(&Event::PodGone { from: pods(), uid: grace_core::Uid::of("never seen") });
    t.send(&Event::SliceGone { from: slices(), key: grace_core::ObjectName::new("shop", "never-seen") });
    t.settle();
    t.expect([]);
}

#[test]
fn w13_a_stream_that_never_syncs_allows_zeros_for_terminating_pods_and_nothing_else() {
    let mut t = Harness::cold([
        drains("web", TerminationAndUnready),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        terminating("web-1"),
        unready("web-2"),
        serving("web-3"),
    ]);
    for name in ["web-1", "web-2", "web-4"] {
        t.by_hand(name, Some(10));
        t.model.claim_by_hand(&target(name));
    }
    t.announce_lanes();
    // Everything but the end of the list of slices.
    let mut events = t.world.relist();
    events.pop();
    for event in &events {
        t.send(event);
    }
    t.send(&Event::Granted(crate::world::lane("lb-1")));
    t.wait(minutes(10));
    t.expect([weight("web-1", 0)]);
    t.send(&Event::ListDone(slices()));
    t.send(&Event::Synced);
    t.settle();
    t.expect([weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn a7_a_restart_with_unchanged_state_writes_nothing() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.given(unready("web-2"));
    t.restart();
    t.wait(minutes(10));
    assert_eq!(t.count(Verb::Claim), 0);
    t.expect([]);
}

#[test]
fn a_restart_in_mid_drain_finishes_the_drain() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.restart();
    t.wait(minutes(10));
    // Weight 0 does not wait for the read that shows it to be there already.
    let writes = t.writes();
    assert!(writes.is_empty() || writes == [weight("web-1", 0)], "{writes:?}");
    t.forget();
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
    t.expect_claims(["web-2"]);
}

#[test]
fn a_pod_that_went_while_nobody_watched_is_deregistered_by_the_next_process() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.kill();
    t.unseen(gone("web-1"));
    t.start();
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn w7_a_pod_that_went_between_the_lists_of_slices_and_of_pods_is_deregistered() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.kill();
    t.announce_lanes();
    let mut events = t.world.list_services();
    events.extend(t.world.list_slices());
    t.unseen(gone("web-1"));
    events.extend(t.world.list_pods());
    events.push(Event::Synced);
    events.extend(t.lanes().into_iter().map(Event::Granted));
    events.extend(t.world.news());
    for event in events {
        t.send(&event);
    }
    t.wait(minutes(2));
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-2", 10)]);
}

#[test]
fn p3_a_registration_on_the_wire_when_the_process_died_is_found_by_the_next_one() {
    // The first read comes before it lands. Were the claim dropped then, the target would be nobody's for ever.
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1"]);
        t.given(unready("web-2"));
        t.model.timing.answer = seconds(5);
        t.when(serving("web-2"));
        t.wait(millis(100));
        t.expect([register("web-2", 10)]);
        t.kill();
        t.unseen(gone("web-2"));
        t.start();
        t.wait(minutes(5));
        t.expect_registered([("web-1", 10)]);
        t.expect_claims(["web-1"]);
    }
}

#[test]
fn p3_a_registration_on_the_wire_is_found_though_its_pod_ends_after_the_start() {
    for end in [over, gone] {
        let mut t = with(Nothing, ["web-1"]);
        t.given(unready("web-2"));
        t.model.timing.answer = seconds(5);
        t.when(serving("web-2"));
        t.wait(millis(100));
        t.kill();
        t.start();
        t.when(end("web-2"));
        t.wait(minutes(5));
        t.expect_registered([("web-1", 10)]);
        t.expect_claims(["web-1"]);
    }
}

#[test]
fn p4_a_zero_on_the_wire_when_the_process_died_is_repaired_if_it_is_no_longer_right() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.model.timing.task = seconds(20);
    t.when(unready("web-1"));
    t.wait(millis(100));
    t.kill();
    t.unseen(serving("web-1"));
    t.start();
    t.wait(minutes(3));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn a_pod_that_shares_its_address_counts_as_admitted_after_a_restart_too() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.given(unready("web-9").with("web-9", |pod| pod.facts.ips = [Some(crate::world::ip("web-1")), None]));
    t.given(unready("web-1"));
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn a_pod_that_was_ready_counts_as_admitted_after_a_restart() {
    // It stands there with a weight above 0, so it keeps it while it is not ready.
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(unready("web-1"));
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn o15_an_endpoint_in_two_slices_counts_once() {
    let mut t = with(Termination, ["web-1"]);
    let second = |pod: &mut crate::world::Pod| {
        pod.slices.insert("b".to_owned());
    };
    t.unseen(Fact::new(|world, _| {
        let ports = vec![(grace_core::PortName::from(""), 8080)];
        world.services.entry("web".to_owned()).or_default().slices.insert("b".to_owned(), ports);
    }));
    t.when(serving("web-2").with("web-2", second));
    t.settle();
    t.expect([register("web-2", 10)]);
    t.when(pod("web-2", |pod, _| pod.slices = std::collections::BTreeSet::from(["b".to_owned()])));
    t.wait(minutes(2));
    t.expect([]);
    t.when(terminating("web-2"));
    t.after_linger();
    t.expect([weight("web-2", 0)]);
}

#[test]
fn o15_an_endpoint_in_no_slice_for_less_than_five_seconds_changes_nothing() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(deselected("web-1"));
    t.wait(millis(4_990));
    t.when(selected("web-1"));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn a_queue_of_events_does_not_starve_what_is_due() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    let until = t.now + millis(400);
    // News of another Pod of the lane every millisecond, without ever letting a timer run by itself.
    while t.now < until {
        t.now = t.now + millis(1);
        let serving = t.now.as_micros() % 2_000 == 0;
        t.when(pod("web-3", move |pod, _| pod.serving = serving));
    }
    t.settle();
    assert!(t.times(Verb::Weights)[0] <= until, "{:?}", t.left);
    t.by_hand("web-3", None);
    t.left.retain(|left| left.at <= until);
    t.expect([weight("web-1", 0)]);
}
