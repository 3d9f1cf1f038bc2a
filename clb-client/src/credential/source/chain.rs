//! The first of several sources that is set up.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::credential::{
    Credential, CredentialError, CredentialFuture, Environment, InstanceRole, Profile, ProvideCredential,
    Refreshing, WebIdentity,
};
use crate::transport::Transport;

/// Asks several sources in order and stays with the first that has a credential.
///
/// A source that is not set up is passed over ([`CredentialError::Absent`]). One that is set up and fails ends the search: the
/// next one would call as somebody else.
#[derive(Clone)]
pub struct Chain {
    /// In the order in which they are asked.
    sources: Vec<Arc<dyn ProvideCredential>>,
    /// Which one it is.
    chosen: Arc<OnceLock<usize>>,
}

impl Chain {
    /// Asks `sources` in their order.
    #[must_use]
    pub fn new(sources: Vec<Arc<dyn ProvideCredential>>) -> Self {
        Self { sources, chosen: Arc::default() }
    }

    /// Environment, then the identity of the Pod, then the credentials file, then the role of the machine. `transport` is for
    /// the second and the last.
    ///
    /// The official SDKs ask the identity of the Pod last. But on a node of TKE the role of the machine answers Pods too, and
    /// would win over the identity that was meant for them.
    ///
    /// # Errors
    /// When one of the first three is set up in a way that cannot work: a secret with a line break, for example.
    pub fn standard(transport: impl Transport + 'static) -> Result<Self, CredentialError> {
        let transport: Arc<dyn Transport> = Arc::new(transport);
        let pod = WebIdentity::from_environment(Arc::clone(&transport)).map(Refreshing::new);
        Ok(Self::new(vec![
            set_up(Environment::read())?,
            set_up(pod)?,
            set_up(Profile::find().map(Refreshing::new))?,
            Arc::new(Refreshing::new(InstanceRole::new(transport))),
        ]))
    }

    /// The source that was chosen, or the search for one.
    async fn search(&self) -> Result<Credential, CredentialError> {
        if let Some(source) = self.chosen() {
            return source.credential().await;
        }
        let mut missing = Vec::new();
        for (i, source) in self.sources.iter().enumerate() {
            match source.credential().await {
                Ok(credential) => {
                    let _ = self.chosen.set(i);
                    return Ok(credential);
                }
                Err(CredentialError::Absent { source_name, what }) => {
                    missing.push(format!("{what} ({source_name})"))
                }
                // Who has set up nothing finds out here, at the last source: say what else there would have been.
                Err(CredentialError::Unavailable { source_name, why }) if !missing.is_empty() => {
                    let why = format!("{why}; not set: {}", missing.join(", "));
                    return Err(CredentialError::Unavailable { source_name, why });
                }
                Err(error) => return Err(error),
            }
        }
        Err(CredentialError::Absent { source_name: "any source", what: missing.join(", ") })
    }

    fn chosen(&self) -> Option<&Arc<dyn ProvideCredential>> {
        self.chosen.get().and_then(|i| self.sources.get(*i))
    }
}

impl ProvideCredential for Chain {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(self.search())
    }

    fn replacement(&self, refused: &Credential) -> CredentialFuture<'_> {
        match self.chosen() {
            Some(source) => source.replacement(refused),
            None => self.credential(),
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("sources", &self.sources.len())
            .field("chosen", &self.chosen.get())
            .finish()
    }
}

/// A source, also one that is not set up, so that the chain can say what it lacks.
fn set_up(
    source: Result<impl ProvideCredential + 'static, CredentialError>,
) -> Result<Arc<dyn ProvideCredential>, CredentialError> {
    match source {
        Ok(source) => Ok(Arc::new(source)),
        Err(absent @ CredentialError::Absent { .. }) => Ok(Arc::new(NotSetUp(absent))),
        Err(error) => Err(error),
    }
}

/// A source that is not set up.
struct NotSetUp(CredentialError);

impl ProvideCredential for NotSetUp {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{SecretId, SecretKey};

    #[tokio::test]
    async fn the_first_source_that_is_set_up_is_chosen_and_kept() {
        let chain = Chain::new(vec![
            Arc::new(NotSetUp(absent())),
            Arc::new(named("second")),
            Arc::new(named("third")),
        ]);
        let first = chain.credential().await.unwrap();
        assert_eq!(first.secret_id().as_str(), "second");
        assert_eq!(chain.clone().replacement(&first).await.unwrap().secret_id().as_str(), "second");
        assert_eq!(chain.chosen.get(), Some(&1));
    }

    #[tokio::test]
    async fn a_source_that_is_set_up_and_fails_ends_the_search() {
        let chain = Chain::new(vec![
            Arc::new(NotSetUp(absent())),
            Arc::new(NotSetUp(unavailable())),
            Arc::new(named("third")),
        ]);
        let error = chain.credential().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the test gives no credential: down; not set: A (the test); check that it is reachable and permitted, then try again"
        );
    }

    #[tokio::test]
    async fn when_nothing_is_set_up_everything_that_was_missing_is_named() {
        let chain = Chain::new(vec![Arc::new(NotSetUp(absent())), Arc::new(NotSetUp(absent()))]);
        let error = chain.credential().await.unwrap_err();
        assert!(error.to_string().contains("A (the test), A (the test)"), "{error}");
    }

    fn absent() -> CredentialError {
        CredentialError::Absent { source_name: "the test", what: "A".to_owned() }
    }

    fn unavailable() -> CredentialError {
        CredentialError::Unavailable { source_name: "the test", why: "down".to_owned() }
    }

    fn named(id: &str) -> Credential {
        Credential::new(SecretId::new(id).unwrap(), SecretKey::new("key").unwrap())
    }
}
