//! What gives a client its credentials.

#[cfg(test)]
mod answers;
mod chain;
mod environment;
mod instance_role;
mod profile;
mod refreshing;
mod web_identity;

use std::pin::Pin;
use std::sync::Arc;

use super::{Credential, RefusedSecret};

pub use chain::Chain;
pub use environment::Environment;
pub use instance_role::InstanceRole;
pub use profile::Profile;
pub use refreshing::{FetchCredential, Refreshing};
pub use web_identity::WebIdentity;

/// Where credentials come from.
///
/// Called before every attempt, so an implementation keeps what it has fetched and renews it ahead of its end.
/// A [`Credential`] is its own provider.
pub trait ProvideCredential: Send + Sync {
    /// The credential to sign the next request with.
    fn credential(&self) -> CredentialFuture<'_>;

    /// A credential other than `refused`, which the server has just refused. Called once per call.
    ///
    /// By default whatever [`credential`](Self::credential) gives; a provider that keeps what it has fetched fetches anew.
    fn replacement(&self, refused: &Credential) -> CredentialFuture<'_> {
        let _ = refused;
        self.credential()
    }
}

/// What [`ProvideCredential`] answers with.
pub type CredentialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credential, CredentialError>> + Send + 'a>>;

impl ProvideCredential for Credential {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

impl<P: ProvideCredential + ?Sized> ProvideCredential for Arc<P> {
    fn credential(&self) -> CredentialFuture<'_> {
        (**self).credential()
    }

    fn replacement(&self, refused: &Credential) -> CredentialFuture<'_> {
        (**self).replacement(refused)
    }
}

/// Why a source has no credential.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The source is not set up here; a chain goes on to the next one.
    #[error("no credential from {source_name}: {what} is missing; set it or choose another source")]
    Absent {
        /// Which source.
        source_name: &'static str,
        /// What would have to be there.
        what: String,
    },
    /// The source is set up and what it holds cannot be used; a chain stops here.
    #[error("the credential from {source_name} cannot be used ({what})")]
    Refused {
        /// Which source.
        source_name: &'static str,
        /// Which part of it.
        what: String,
        /// What is wrong with it.
        #[source]
        why: RefusedSecret,
    },
    /// The source is set up and does not answer, or answers with a failure.
    #[error(
        "{source_name} gives no credential: {why}; check that it is reachable and permitted, then try again"
    )]
    Unavailable {
        /// Which source.
        source_name: &'static str,
        /// What happened.
        why: String,
    },
}
