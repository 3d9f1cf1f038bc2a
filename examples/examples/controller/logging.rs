//! The log on stderr: one record is one line, whatever a record contains.

use std::io::{self, Write};
use std::panic;

use tracing::error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::flags::LogFormat;
use crate::refusal::Refusal;

/// Starts the log, and sends panics there.
pub(crate) fn start(format: LogFormat) -> Result<(), Refusal> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) => EnvFilter::try_new(text).map_err(|why| {
            Refusal::new("RUST_LOG is no filter", format!("{why}; write `info`, or `info,k8s_watch=debug`"))
        })?,
        Err(_) => EnvFilter::new("info"),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Lines);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        error!(place, "panicked: {}", text.unwrap_or("for an unknown reason"));
    }));
    Ok(())
}

/// Stderr, with line breaks and escapes inside of a record made visible: nobody forges a record by an annotation.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Lines {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&one_line(record))?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// A record as it is written: it ends with its only line break.
fn one_line(record: &[u8]) -> Vec<u8> {
    let body = record.strip_suffix(b"\n").unwrap_or(record);
    let mut line = Vec::with_capacity(record.len());
    for byte in body {
        match byte {
            b'\t' => line.push(b' '),
            0..=0x1f | 0x7f => line.extend(byte.escape_ascii()),
            other => line.push(*other),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x4_a_record_stays_on_its_line() {
        assert_eq!(one_line("a\nb\r\u{1b}[31m\u{e4}\n".as_bytes()), "a\\nb\\r\\x1b[31m\u{e4}\n".as_bytes());
    }
}
