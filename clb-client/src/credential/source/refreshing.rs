//! Keeps a credential that ends, and fetches the next one ahead of its end, once for all that wait.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, warn};

use crate::clock::{self, WallClock};
use crate::credential::{Credential, CredentialError, CredentialFuture, ProvideCredential};
use crate::sign::UnixSeconds;

/// A source that is asked anew each time. [`Refreshing`] keeps what it gives.
pub trait FetchCredential: Send + Sync + 'static {
    /// How errors and logs call the source.
    fn name(&self) -> &'static str;

    /// Asks the source.
    fn fetch(&self) -> CredentialFuture<'_>;
}

/// Keeps what a source gives.
///
/// A credential is renewed in the background when a tenth of its life is left (five minutes, if that is more; half of its
/// life at most), while calls go on with the one at hand. If that fails, it is tried again every half minute, and calls fail
/// only when the one at hand has ended. Of many calls that find none at hand, one asks and the others wait for what it gets.
pub struct Refreshing<F>(Arc<Shared<F>>);

struct Shared<F> {
    /// Is asked.
    source: F,
    /// The credential at hand.
    state: Mutex<State>,
    /// Held while the source is asked.
    turn: tokio::sync::Mutex<()>,
    /// Expiry is a matter of wall clocks.
    now: WallClock,
}

#[derive(Default)]
struct State {
    /// The credential at hand and when to renew it.
    kept: Option<(Credential, UnixSeconds)>,
    /// How often the source has answered or failed.
    asked: u64,
    /// Why it failed the last time, if it did.
    failure: Option<CredentialError>,
    /// Whether the background is at it.
    renewing: bool,
}

impl<F: FetchCredential> Refreshing<F> {
    /// Nothing is asked before a credential is needed.
    #[must_use]
    pub fn new(source: F) -> Self {
        Self::at(source, clock::system())
    }

    /// With a wall clock.
    fn at(source: F, now: WallClock) -> Self {
        Self(Arc::new(Shared { source, state: Mutex::default(), turn: tokio::sync::Mutex::new(()), now }))
    }
}

impl<F: FetchCredential> ProvideCredential for Refreshing<F> {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(async {
            let Some((credential, is_due)) = self.0.at_hand() else { return self.0.fetch(|_| true).await };
            if is_due {
                self.0.renew_in_background();
            }
            Ok(credential)
        })
    }

    fn replacement(&self, refused: &Credential) -> CredentialFuture<'_> {
        let refused = refused.clone();
        Box::pin(async move { self.0.fetch(|kept| !kept.is(&refused)).await })
    }
}

impl<F: FetchCredential> Shared<F> {
    /// The credential at hand, unless it has ended, and whether it is time to renew it.
    fn at_hand(&self) -> Option<(Credential, bool)> {
        let now = (self.now)();
        let state = self.state();
        let (credential, due) = state.kept.as_ref()?;
        let ended = credential.expires().is_some_and(|end| now >= end);
        (!ended).then(|| (credential.clone(), now >= *due && !state.renewing))
    }

    /// Asks the source, unless a call that came before has got what `is_wanted` meanwhile.
    async fn fetch(&self, is_wanted: impl Fn(&Credential) -> bool) -> Result<Credential, CredentialError> {
        let asked_before = self.state().asked;
        let _turn = self.turn.lock().await;
        if let Some((credential, _)) = self.at_hand().filter(|(credential, _)| is_wanted(credential)) {
            return Ok(credential);
        }
        {
            let state = self.state();
            if let (true, Some(failure)) = (state.asked != asked_before, &state.failure) {
                return Err(failure.clone());
            }
        }
        let fetched = match timeout(LONGEST_FETCH, self.source.fetch()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(CredentialError::Unavailable {
                source_name: self.source.name(),
                why: format!("no answer within {LONGEST_FETCH:?}"),
            }),
        };
        let mut state = self.state();
        state.asked += 1;
        match fetched {
            Ok(credential) => {
                let due = due(&credential, (self.now)(), fastrand::f64());
                debug!(source = self.source.name(), expires = ?credential.expires(), "credential fetched");
                state.failure = None;
                state.kept = Some((credential.clone(), due));
                Ok(credential)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Fetches the next credential while the one at hand is used.
    fn renew_in_background(self: &Arc<Self>) {
        if std::mem::replace(&mut self.state().renewing, true) {
            return;
        }
        let shared = Renewal(Arc::clone(self));
        tokio::spawn(async move {
            let Renewal(shared) = &shared;
            let Some((old, _)) = shared.at_hand() else { return };
            if let Err(error) = shared.fetch(|kept| !kept.is(&old)).await {
                warn!(%error, "the credential at hand is used on");
                let again = (shared.now)().shifted(PAUSE);
                if let Some((_, due)) = &mut shared.state().kept {
                    *due = again;
                }
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A renewal under way; says when it is over, also when the runtime drops it.
struct Renewal<F: FetchCredential>(Arc<Shared<F>>);

impl<F: FetchCredential> Drop for Renewal<F> {
    fn drop(&mut self) {
        self.0.state().renewing = false;
    }
}

/// When to renew a credential that is fetched `now`. `draw` is a random number from 0 to 1: it keeps many processes from
/// asking at the same time.
fn due(credential: &Credential, now: UnixSeconds, draw: f64) -> UnixSeconds {
    let Some(end) = credential.expires() else { return UnixSeconds::MAX };
    let life = end.get().saturating_sub(now.get());
    let lead = (life / 10).max((life / 2).min(FIVE_MINUTES));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of seconds")]
    let jitter = (lead as f64 / 10.0 * draw.clamp(0.0, 1.0)) as u64;
    let wait = life.saturating_sub(lead + jitter);
    // A source that keeps its own copy gives the same credential until it renews that: not to be asked all the time.
    now.shifted(i64::try_from(wait).unwrap_or(i64::MAX).max(PAUSE))
}

impl<F> fmt::Debug for Refreshing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing").finish_non_exhaustive()
    }
}

/// Seconds: least time left at which the official SDKs renew.
const FIVE_MINUTES: u64 = 300;

/// Seconds between two questions while a valid credential is at hand.
const PAUSE: i64 = 30;

/// A source that does not answer must not hold calls up for ever.
const LONGEST_FETCH: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::credential::{SecretId, SecretKey};

    #[tokio::test(start_paused = true)]
    async fn many_calls_that_wait_cause_one_question() {
        let (source, keeper) = keeper([Ok(Some(7200)), Ok(Some(7200))]);
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let keeper = Refreshing(Arc::clone(&keeper.0));
                tokio::spawn(async move { keeper.credential().await.unwrap() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().secret_id().as_str(), "id-1");
        }
        assert_eq!(source.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_waited_and_forgotten_by_those_who_come_later() {
        let (source, keeper) = keeper([Err(()), Ok(None)]);
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let keeper = Refreshing(Arc::clone(&keeper.0));
                tokio::spawn(async move { keeper.credential().await.is_err() })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap());
        }
        assert_eq!(source.asked(), 1);
        assert!(keeper.credential().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_is_renewed_ahead_of_its_end_while_calls_go_on() {
        let (source, keeper) = keeper([Ok(Some(7200)), Ok(Some(7200))]);
        assert_eq!(id(&keeper).await, "id-1");
        sleep(Duration::from_secs(6300)).await;
        assert_eq!((id(&keeper).await.as_str(), source.asked()), ("id-1", 1));
        sleep(Duration::from_secs(200)).await;
        let before = Instant::now();
        assert_eq!(id(&keeper).await, "id-1");
        assert_eq!(before.elapsed(), Duration::ZERO, "the call did not wait");
        sleep(Duration::from_secs(2)).await;
        assert_eq!((id(&keeper).await.as_str(), source.asked()), ("id-2", 2));
    }

    #[tokio::test(start_paused = true)]
    async fn n9_while_the_source_is_down_the_credential_serves_until_its_end_and_no_longer() {
        let (source, keeper) = keeper([Ok(Some(1000))].into_iter().chain((0..100).map(|_| Err(()))));
        for _ in 0..990 {
            assert_eq!(id(&keeper).await, "id-1");
            sleep(Duration::from_secs(1)).await;
        }
        let asked = source.asked();
        assert!(
            (5..=14).contains(&asked),
            "asked {asked} times: about every half minute of the last five minutes"
        );
        sleep(Duration::from_secs(20)).await;
        assert!(matches!(keeper.credential().await, Err(CredentialError::Unavailable { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn n8_a_refused_credential_is_fetched_anew_once_for_all_whose_call_was_refused() {
        let (source, keeper) = keeper([Ok(None), Ok(None), Ok(None)]);
        let refused = keeper.credential().await.unwrap();
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (keeper, refused) = (Refreshing(Arc::clone(&keeper.0)), refused.clone());
                tokio::spawn(async move { keeper.replacement(&refused).await.unwrap() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().secret_id().as_str(), "id-2");
        }
        assert_eq!(source.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn n9_a_source_that_hangs_is_given_up_and_a_dropped_call_frees_the_turn() {
        let (_, keeper) = keeper([Ok(None)]);
        let hung = Refreshing::at(Hangs, clock::system());
        assert!(matches!(hung.credential().await, Err(CredentialError::Unavailable { .. })));

        let waiting = tokio::spawn({
            let keeper = Refreshing(Arc::clone(&keeper.0));
            async move { keeper.credential().await.is_ok() }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.is_err());
        assert!(keeper.0.turn.try_lock().is_ok());
    }

    #[test]
    fn renewal_is_due_at_a_tenth_of_the_life_or_five_minutes() {
        let credential = |life: u64| named("id").with_expiry(UnixSeconds::new(1000 + life).unwrap());
        let now = UnixSeconds::new(1000).unwrap();
        for (life, draw, wait) in
            [(7200, 0.0, 6480), (7200, 1.0, 6408), (600, 0.0, 300), (200, 0.0, 100), (20, 0.0, 30)]
        {
            assert_eq!(due(&credential(life), now, draw).get() - 1000, wait, "{life} s");
        }
        assert_eq!(due(&named("id"), now, 0.0), UnixSeconds::MAX);
    }

    /// Answers by script, each time after a second.
    #[derive(Clone)]
    struct Scripted(Arc<Mutex<(Script, u32)>>, WallClock);

    /// The life of each credential in seconds, if it has an end; or a failure.
    type Script = VecDeque<Result<Option<u64>, ()>>;

    impl Scripted {
        fn asked(&self) -> u32 {
            self.0.lock().unwrap().1
        }
    }

    impl FetchCredential for Scripted {
        fn name(&self) -> &'static str {
            "the script"
        }

        fn fetch(&self) -> CredentialFuture<'_> {
            Box::pin(async {
                sleep(Duration::from_secs(1)).await;
                let mut script = self.0.lock().unwrap();
                script.1 += 1;
                let credential = named(&format!("id-{}", script.1));
                match script.0.pop_front().expect("a question that the script does not expect") {
                    Ok(None) => Ok(credential),
                    Ok(Some(life)) => Ok(credential.with_expiry((self.1)().shifted(life as i64))),
                    Err(()) => {
                        Err(CredentialError::Unavailable { source_name: "the script", why: "down".into() })
                    }
                }
            })
        }
    }

    /// Never answers.
    struct Hangs;

    impl FetchCredential for Hangs {
        fn name(&self) -> &'static str {
            "silence"
        }

        fn fetch(&self) -> CredentialFuture<'_> {
            Box::pin(std::future::pending())
        }
    }

    fn keeper(script: impl IntoIterator<Item = Result<Option<u64>, ()>>) -> (Scripted, Refreshing<Scripted>) {
        let begun = Instant::now();
        let now: WallClock =
            Arc::new(move || UnixSeconds::new(1_772_323_200 + begun.elapsed().as_secs()).unwrap());
        let source = Scripted(Arc::new(Mutex::new((script.into_iter().collect(), 0))), Arc::clone(&now));
        (source.clone(), Refreshing::at(source, now))
    }

    async fn id(keeper: &Refreshing<Scripted>) -> String {
        keeper.credential().await.unwrap().secret_id().as_str().to_owned()
    }

    fn named(id: &str) -> Credential {
        Credential::new(SecretId::new(id).unwrap(), SecretKey::new("key").unwrap())
    }
}
