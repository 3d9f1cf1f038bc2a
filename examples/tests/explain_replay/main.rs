//! The example that tells from an event log what happened to a Pod, on a log that is checked in.
//!
//! `GRACE_RECORD=1` writes the log and the expected texts anew; look at what changed.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what is unwrapped is what the test is about")]

#[path = "../controller_cli/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;
mod recording;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use grace_core::log::{Entry, VERSION, replay};
use program::{Ended, Program};

#[tokio::test]
async fn a_pod_that_was_replaced_is_told_from_its_creation_to_its_successor() {
    expect("web-1.txt", &told(&[log(), "shop/web-1"]).await);
}

#[tokio::test]
async fn a_pod_whose_drain_is_under_way_is_told_with_what_is_still_open() {
    expect("web-0.txt", &told(&[log(), "shop/web-0"]).await);
}

#[tokio::test]
async fn without_a_pod_all_are_listed_with_their_drains() {
    let text = told(&[log()]).await;
    expect("pods.txt", &text.replace(log(), "LOG"));
}

#[tokio::test]
async fn a_file_that_does_not_exist_is_named() {
    let why = refused(&["/nowhere/core.jsonl"]).await;
    assert_eq!(why, "reading /nowhere/core.jsonl failed: No such file or directory (os error 2)");
}

#[tokio::test]
async fn a_line_that_is_no_entry_is_named_by_its_number() {
    let mut lines = lines();
    lines.truncate(5);
    lines.push(r#"{"Event":{"now":1,"event":"Nothing"}}"#.to_owned());
    let why = refused_log("no-entry", &lines).await;
    assert!(why.starts_with("line 6 of LOG is no entry: unknown variant `Nothing`"), "{why}");
    assert!(!why.contains("at line 1"), "{why}");
}

#[tokio::test]
async fn a_line_that_was_cut_is_named_by_its_number() {
    let mut lines = lines();
    let half = lines[8].len() / 2;
    lines[8].truncate(half);
    lines.truncate(9);
    let why = refused_log("cut", &lines).await;
    assert!(why.starts_with("line 9 of LOG is no entry: EOF while parsing"), "{why}");
}

#[tokio::test]
async fn a_log_without_its_first_line_is_told_so() {
    let why = refused_log("no-start", &lines()[1..]).await;
    assert!(why.starts_with("line 1 of LOG is not the first line of a log"), "{why}");
}

#[tokio::test]
async fn a_log_that_was_cut_is_told_from_its_snapshot_on() {
    let lines = lines();
    let before: Vec<Entry> = lines[..19].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let snapshot = Entry::snapshot(&replay(&before).unwrap().0);
    let mut whole_log = lines.clone();
    whole_log.insert(19, serde_json::to_string(&snapshot).unwrap());
    let path = written("with-snapshot", &whole_log);
    expect("web-1.txt", &told(&[path.to_str().unwrap(), "shop/web-1"]).await);
    std::fs::write(&path, whole_log[10..].join("\n")).unwrap();
    let told_of_it = told(&[path.to_str().unwrap(), "shop/web-1"]).await;
    std::fs::remove_file(&path).unwrap();
    // Moments are told from the first call of the log on as well, and facts as far as they were seen: what the core did is
    // the same.
    let done = |text: &str| {
        let (story, end) = text.split_once("At the end of the log").unwrap();
        let lines = story.lines().filter_map(|line| line.split_once("Z  "));
        let done = lines
            .filter(|(_, said)| said.starts_with("call") || said.starts_with("notice"))
            .map(|(at, said)| format!("{} {said}", at.split_once("2026-").unwrap().1));
        let end = end.split_once('\n').unwrap().1.to_owned();
        (done.skip_while(|line| line.as_str() < "03-01T00:00:05").collect::<Vec<_>>(), end)
    };
    let whole = done(&told(&[log(), "shop/web-1"]).await);
    assert!(whole.0.len() > 10 && whole.0[0].contains("DrainStarted"), "{:?}", whole.0);
    assert_eq!(done(&told_of_it), whole);
}

#[tokio::test]
async fn an_empty_log_is_told_so() {
    let why = refused_log("empty", &[]).await;
    assert!(why.starts_with("LOG is empty"), "{why}");
    let why = refused_log("only-start", &lines()[..1]).await;
    assert!(why.starts_with("LOG has no entry after its first line"), "{why}");
}

#[tokio::test]
async fn two_logs_in_one_file_are_told_apart() {
    let mut twice = lines();
    twice.extend(lines());
    let why = refused_log("twice", &twice).await;
    assert_eq!(
        why,
        format!(
            "line {} of LOG begins another log, of another process: split the file there",
            twice.len() / 2 + 1
        )
    );
}

#[tokio::test]
async fn a_version_that_is_not_known_is_told_with_both() {
    let mut lines = lines();
    let same_shape = lines[0].replacen(VERSION, "99.1.0", 1);
    // Whatever else that version has in its first line, or remembers.
    let config = r#"{"Start":{"version":"99.1.0","config":{"patience":7}}}"#.to_owned();
    let machine = r#"{"Snapshot":{"version":"99.1.0","machine":{"mood":7}}}"#.to_owned();
    for (number, first) in [same_shape, config, machine].into_iter().enumerate() {
        lines[0] = first;
        let why = refused_log(&format!("version-{number}"), &lines).await;
        assert_eq!(
            why,
            format!(
                "LOG was written by version 99.1.0, this program knows {VERSION}: use the one of that version"
            )
        );
    }
}

#[tokio::test]
async fn a_pod_that_is_not_in_the_log_is_told_with_the_nearest() {
    let why = refused(&[log(), "shop/web1"]).await;
    assert_eq!(why.replace(log(), "LOG"), "no Pod shop/web1 in LOG; nearest: shop/web-1, shop/web-0");
}

#[tokio::test]
async fn what_becomes_of_an_address_is_told_of_the_pod_that_lives_there() {
    let log = recording::taken_over().lines().map(str::to_owned).collect::<Vec<_>>();
    let path = written("taken-over", &log);
    let path_text = path.to_str().unwrap();
    let before = told(&[path_text, "shop/web-1"]).await;
    let (last, end) = before.split_once("At the end of the log").unwrap();
    assert!(last.lines().last().unwrap().contains("+21."), "{before}");
    assert!(end.ends_with(":\n  shop/web-1 has no target\n"), "{before}");
    let after = told(&[path_text, "shop/web-2"]).await;
    assert!(after.contains("10.0.0.5:8080 in lbl-80: register with weight 10"), "{after}");
    assert!(after.contains("EndpointSlice shop/web-x7k2p is gone"), "{after}");
    std::fs::remove_file(&path).unwrap();
}

async fn told(arguments: &[&str]) -> String {
    let ended = end(arguments).await;
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
    ended.stdout.join("\n") + "\n"
}

/// The one line that is said about bad input.
async fn refused(arguments: &[&str]) -> String {
    let ended = end(arguments).await;
    assert_eq!((ended.status.code(), ended.stdout), (Some(1), Vec::new()));
    assert_eq!(ended.stderr.len(), 1, "{:?}", ended.stderr);
    ended.stderr[0].clone()
}

/// The same for a log with these lines; it is called LOG then.
async fn refused_log(name: &str, lines: &[String]) -> String {
    let path = written(name, lines);
    let path_text = path.to_str().unwrap();
    let why = refused(&[path_text]).await.replace(path_text, "LOG");
    std::fs::remove_file(&path).unwrap();
    why
}

/// A log with these lines.
fn written(name: &str, lines: &[String]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("grace-explain-replay-{}-{name}.jsonl", std::process::id()));
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

async fn end(arguments: &[&str]) -> Ended {
    Program::run("explain_replay", arguments, &[]).end().await
}

/// The recorded log, which is what the core does: a log of another core would be told wrongly.
fn log() -> &'static str {
    static LOG: OnceLock<String> = OnceLock::new();
    LOG.get_or_init(|| {
        expect("rollout.jsonl", &recording::run());
        data("rollout.jsonl").to_str().unwrap().to_owned()
    })
}

fn lines() -> Vec<String> {
    std::fs::read_to_string(log()).unwrap().lines().map(str::to_owned).collect()
}

/// Compares with a text that is checked in.
#[track_caller]
fn expect(name: &str, found: &str) {
    let path = data(name);
    if std::env::var_os("GRACE_RECORD").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(
        expected == found,
        "{name} differs (GRACE_RECORD=1 writes it anew), expected:\n{expected}\nfound:\n{found}"
    );
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain_replay").join(name)
}
