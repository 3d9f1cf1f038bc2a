//! The first of several sources that is set up.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{
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
        let set_up: [Option<Arc<dyn ProvideCredential>>; 3] = [
            present(Environment::read())?.map(|source| Arc::new(source) as _),
            present(WebIdentity::from_environment(Arc::clone(&transport)))?
                .map(|source| Arc::new(Refreshing::new(source)) as _),
            present(Profile::find())?.map(|source| Arc::new(Refreshing::new(source)) as _),
        ];
        let machine = Arc::new(Refreshing::new(InstanceRole::new(transport)));
        Ok(Self::new(set_up.into_iter().flatten().chain([machine as _]).collect()))
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

/// None when the source is not set up.
fn present<T>(source: Result<T, CredentialError>) -> Result<Option<T>, CredentialError> {
    match source {
        Ok(source) => Ok(Some(source)),
        Err(CredentialError::Absent { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{SecretId, SecretKey};

    #[tokio::test]
    async fn the_first_source_that_is_set_up_is_chosen_and_kept() {
        let chain =
            Chain::new(vec![Arc::new(Fails(absent)), Arc::new(named("second")), Arc::new(named("third"))]);
        let first = chain.credential().await.unwrap();
        assert_eq!(first.secret_id().as_str(), "second");
        assert_eq!(chain.clone().replacement(&first).await.unwrap().secret_id().as_str(), "second");
        assert_eq!(chain.chosen.get(), Some(&1));
    }

    #[tokio::test]
    async fn a_source_that_is_set_up_and_fails_ends_the_search() {
        let chain = Chain::new(vec![Arc::new(Fails(unavailable)), Arc::new(named("second"))]);
        assert!(matches!(chain.credential().await, Err(CredentialError::Unavailable { .. })));
    }

    #[tokio::test]
    async fn when_nothing_is_set_up_everything_that_was_missing_is_named() {
        let chain = Chain::new(vec![Arc::new(Fails(absent)), Arc::new(Fails(absent))]);
        let error = chain.credential().await.unwrap_err();
        assert!(error.to_string().contains("A (the test), A (the test)"), "{error}");
    }

    struct Fails(fn() -> CredentialError);

    impl ProvideCredential for Fails {
        fn credential(&self) -> CredentialFuture<'_> {
            Box::pin(async { Err((self.0)()) })
        }
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
