//! One server process that never outlives the test binary.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server under a keeper: a shell in a process group of its own that ends the server when the pipe to it closes.
/// The kernel closes that pipe however the test binary ends, so a panic, an abort or a kill leaves nothing running.
pub(crate) struct Process {
    keeper: Child,
    pid: u32,
}

impl Process {
    /// Starts `command`, its output appended to `log`. When the test binary ends or this value is dropped, the server
    /// is killed and the folder `remove`, if there is one, goes with it.
    pub(crate) fn start(command: &[OsString], log: &Path, remove: Option<&Path>) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(log)
            .arg(remove.unwrap_or(Path::new("")))
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {command:?} under sh failed: {error}"));
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = line.trim().parse().unwrap_or_else(|_| panic!("{command:?}: no process id but {line:?}"));
        Self { keeper, pid }
    }

    /// Whether the server has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.keeper.try_wait().unwrap().is_some()
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn terminate(self) {
        self.end(b"term\n");
    }

    /// SIGKILL, and waits for the end.
    pub(crate) fn kill(self) {
        self.end(b"kill\n");
    }

    /// Stops the clock of the server: its connections stay open, nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Ends [`Process::freeze`].
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn end(mut self, word: &[u8]) {
        let _ = self.keeper.stdin.as_mut().unwrap().write_all(word);
        self.keeper.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(signal).arg(self.pid.to_string()).status().unwrap();
        assert!(status.success(), "kill {signal} {} failed: {status}", self.pid);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Arguments: log file, folder to remove or "", command. The reader waits for a word or the end of the pipe; `wait`
/// stands in the main shell, so that the keeper ends with the server and the server is never left as a zombie.
const KEEPER: &str = r#"
log=$1 remove=$2; shift 2
exec 3<&0 2>/dev/null
"$@" </dev/null >>"$log" 2>&1 3<&- &
pid=$!
echo "$pid"
(
  read -r word <&3
  case $word in
    term) kill -TERM "$pid" ;;
    kill) kill -KILL "$pid" ;;
    *) [ -z "$remove" ] || : >"$remove/gone"; kill -KILL "$pid" ;;
  esac
) >/dev/null 2>&1 &
reader=$!
wait "$pid"
kill "$reader"
if [ -n "$remove" ] && [ -e "$remove/gone" ]; then rm -rf "$remove" || rm -rf "$remove"; fi
"#;
