//! Why a controller stopped.

use tokio::task::JoinError;

/// Why [`Controller::run`](crate::Controller::run) ended without being asked to. An unreachable API, a missing
/// permission or a broken object is none of these: each is told and tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part panicked. A restart reconstructs everything from the cluster and the load balancer.
    #[error("the {part} of the controller panicked; start the process again, and report the panic")]
    Panicked {
        /// Which part.
        part: &'static str,
        /// The panic.
        #[source]
        source: JoinError,
    },
    /// A part ended although it should not.
    #[error("the {part} of the controller ended by itself; start the process again, and report this")]
    Ended {
        /// Which part.
        part: &'static str,
    },
}
