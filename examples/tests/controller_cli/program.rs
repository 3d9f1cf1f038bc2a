//! The binary under test: started, watched line by line, signalled, and never left behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a process printed so far.
pub(crate) type Lines = Arc<Mutex<Vec<String>>>;

/// A running example. Killed when dropped.
pub(crate) struct Program {
    child: Child,
    /// The log.
    pub(crate) stderr: Lines,
    /// The plan of a dry run.
    pub(crate) stdout: Lines,
}

/// How one ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) took: Duration,
    pub(crate) stderr: Vec<String>,
    pub(crate) stdout: Vec<String>,
}

impl Program {
    /// Starts the controller with nothing in its environment but `environment`.
    pub(crate) fn start(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::run("controller", flags, environment)
    }

    /// Starts any of the examples.
    pub(crate) fn run(example: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let binary = binary(example);
        let mut child = Command::new(&binary)
            .args(flags)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| panic!("starting {} failed: {why}", binary.display()));
        let stderr = collect(child.stderr.take().unwrap());
        let stdout = collect(child.stdout.take().unwrap());
        Self { child, stderr, stdout }
    }

    /// Waits until a line of the log holds all of `words`; returns it.
    pub(crate) async fn logged(&self, words: &[&str]) -> String {
        self.line_of(&self.stderr, words).await
    }

    /// Waits until a printed line holds all of `words`; returns it.
    pub(crate) async fn printed(&self, words: &[&str]) -> String {
        self.line_of(&self.stdout, words).await
    }

    async fn line_of(&self, lines: &Lines, words: &[&str]) -> String {
        let found = || {
            let lines = lines.lock().unwrap();
            lines.iter().find(|line| words.iter().all(|word| line.contains(word))).cloned()
        };
        until(&format!("no line with {words:?}"), found, || self.log()).await
    }

    /// The address that `/healthz` and `/readyz` are served at.
    pub(crate) async fn probes(&self) -> String {
        let line = self.logged(&["serving /healthz and /readyz"]).await;
        let address = line.rsplit("address=").next().unwrap();
        address.split_whitespace().next().unwrap().to_owned()
    }

    /// Everything that was logged and printed.
    pub(crate) fn log(&self) -> String {
        let (stderr, stdout) = (self.stderr.lock().unwrap(), self.stdout.lock().unwrap());
        format!("{}\n--- stdout\n{}", stderr.join("\n"), stdout.join("\n"))
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn terminate(self) -> Ended {
        let killed = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(killed.success());
        self.end().await
    }

    /// Waits for the end.
    pub(crate) async fn end(mut self) -> Ended {
        let from = Instant::now();
        let log = Arc::clone(&self.stderr);
        let ended = || self.child.try_wait().unwrap();
        let status = until("the process did not end", ended, || log.lock().unwrap().join("\n")).await;
        let took = from.elapsed();
        // The pipes close with the process; their readers hold the other end of each list until then.
        let lists = [&self.stderr, &self.stdout];
        let read = || {
            lists.iter().all(|lines| Arc::strong_count(lines) <= 1 + usize::from(Arc::ptr_eq(lines, &log)))
        };
        until("output was not read to its end", || read().then_some(()), String::new).await;
        let (stderr, stdout) = (self.stderr.lock().unwrap().clone(), self.stdout.lock().unwrap().clone());
        Ended { status, took, stderr, stdout }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks `probe` until it answers, at most a minute: machines are shared.
pub(crate) async fn until<T>(
    what: &str,
    mut probe: impl FnMut() -> Option<T>,
    explain: impl Fn() -> String,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} within a minute\n{}", explain());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn collect(stream: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let into = Arc::clone(&lines);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            into.lock().unwrap().push(line);
        }
    });
    lines
}

/// Cargo puts examples beside the folder of the tests.
fn binary(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let binary = folder.join("examples").join(example);
    assert!(
        binary.exists(),
        "{} is missing; build it: cargo build -p grace-examples --example {example}",
        binary.display()
    );
    binary
}
