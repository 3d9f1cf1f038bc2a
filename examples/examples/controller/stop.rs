//! SIGTERM and SIGINT.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

/// Becomes true when the process shall end.
pub(crate) type Stop = watch::Receiver<bool>;

/// Listens from now on.
pub(crate) fn signals() -> io::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!("{name}: stopping; nothing more is written");
        stop.send_replace(true);
    });
    Ok(stopped)
}

/// Waits for the signal.
pub(crate) async fn wait(mut stop: Stop) {
    // An error means that nobody can send it any more, which is an end as well.
    let _ = stop.wait_for(|stopped| *stopped).await;
}
