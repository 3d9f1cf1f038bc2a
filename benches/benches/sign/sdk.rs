//! The official SDKs: programs that wait for their turn.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Name in the output, and the variable with the command. `.ci/beside_sdks` installs the pinned versions and sets all three.
pub(crate) const SDKS: [(&str, &str); 3] = [
    ("Go SDK 1.3.166", "GRACE_SDK_GO"),
    ("Python SDK 3.1.195", "GRACE_SDK_PYTHON"),
    ("Node SDK 4.1.220", "GRACE_SDK_NODE"),
];

/// An SDK that signs one body.
pub(crate) struct Sdk {
    /// Name in the output.
    pub(crate) name: &'static str,
    program: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Sdk {
    /// Starts the programs whose variables are set, and stops where one signs `body` otherwise than `authorization` says.
    pub(crate) fn all(body: &[u8], authorization: &str) -> Vec<Self> {
        let started = SDKS.into_iter().filter_map(|(name, variable)| {
            let command = env::var(variable).ok()?;
            let mut sdk = Self::start(name, &command)?;
            sdk.orders.write_all(body).ok()?;
            let answer = sdk.answer("")?;
            assert_eq!(answer, authorization, "{name} gives the same signature");
            Some(sdk)
        });
        started.collect()
    }

    fn start(name: &'static str, command: &str) -> Option<Self> {
        let mut words = command.split_whitespace();
        let mut program = Command::new(words.next()?)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .inspect_err(|error| println!("{name}: skipped, `{command}` does not run: {error}"))
            .ok()?;
        let (orders, answers) = (program.stdin.take()?, program.stdout.take()?);
        Some(Self { name, program, orders, answers: BufReader::new(answers) })
    }

    /// Nanoseconds of CPU per signature over `count` of them.
    pub(crate) fn run(&mut self, count: usize) -> f64 {
        let answer = self.answer(&count.to_string()).expect("the program answers");
        answer.parse().expect("nanoseconds")
    }

    /// The line that answers a line.
    fn answer(&mut self, order: &str) -> Option<String> {
        writeln!(self.orders, "{order}").and_then(|()| self.orders.flush()).ok()?;
        let mut line = String::new();
        self.answers.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned()).filter(|line| !line.is_empty())
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        // Whether it still runs does not matter here.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
