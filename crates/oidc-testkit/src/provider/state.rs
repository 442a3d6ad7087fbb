//! What the endpoints of one provider share.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use oidc_core::{BootTime, Clock};

use super::{
    Endpoint, RefreshTokens, SigningAlgorithm, TestClient, TestUser,
    faults::{FaultQueues, Rewrite},
    judge::Judge,
    keys::Keys,
    ledger::{Ledger, Login, Rules},
};

/// What the builder decided.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) clients: Vec<TestClient>,
    pub(super) rules: Rules,
    pub(super) refresh_tokens: RefreshTokens,
    pub(super) id_token_lifetime: Duration,
    pub(super) id_token_on_refresh: bool,
    pub(super) authorized_party: bool,
    pub(super) signing: SigningAlgorithm,
    pub(super) metadata: Option<Rewrite>,
    /// Endpoints that are elsewhere than by default.
    pub(super) paths: BTreeMap<Endpoint, String>,
}

impl Config {
    /// The path of an endpoint below the issuer.
    pub(super) fn path(&self, endpoint: Endpoint) -> &str {
        self.paths.get(&endpoint).map_or(endpoint.path(), String::as_str)
    }

    /// The endpoint at this path.
    pub(super) fn endpoint_at(&self, path: &str) -> Option<Endpoint> {
        if path == Endpoint::OAUTH_METADATA {
            return Some(Endpoint::Discovery);
        }
        Endpoint::ALL.into_iter().find(|endpoint| self.path(*endpoint) == path)
    }
}

pub(crate) struct Shared {
    pub(super) config: Config,
    pub(super) issuer: String,
    pub(super) faults: FaultQueues,
    state: Mutex<State>,
}

/// Everything that changes, under one lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) user: TestUser,
    /// When the user logged in at the provider, where there is a session.
    pub(super) session: Option<SystemTime>,
    pub(super) ledger: Ledger,
    pub(super) judge: Judge,
    pub(super) keys: Keys,
    pub(super) id_tokens: Vec<(String, String)>,
}

impl Shared {
    pub(super) fn new(config: Config, issuer: String, user: TestUser, keys: Keys) -> Self {
        let session = user.has_session().then(|| config.clock.wall());
        let (ledger, judge) = (Ledger::new(config.rules), Judge::default());
        let state = State { user, session, ledger, judge, keys, id_tokens: Vec::new() };
        Self { config, issuer, faults: FaultQueues::default(), state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> BootTime {
        self.config.clock.boot()
    }

    pub(super) fn client(&self, id: &str) -> Option<&TestClient> {
        self.config.clients.iter().find(|client| client.id() == id)
    }

    /// What a live access token is good for: whose it is, and its scopes.
    pub(crate) fn live(&self, token: &str) -> Option<(Login, Vec<String>)> {
        let state = self.state();
        let (login, scopes) = state.ledger.live_access(self.now(), token)?;
        Some((login.clone(), scopes.to_vec()))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
