//! What the provider has seen.

use std::collections::BTreeMap;

use super::Endpoint;

/// What the provider has seen so far, and whether clients kept to the rules. A snapshot, made by
/// [`TestProvider::judge`](super::TestProvider::judge).
///
/// All counts include requests whose answer was lost on request, and none that was cut or answered before it
/// was processed, but for [`requests`](Self::requests), which has them all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judge {
    /// How often each endpoint was asked.
    pub requests: BTreeMap<Endpoint, u64>,
    /// The query of each authorization request, as it was sent.
    pub authorize_queries: Vec<String>,
    /// How often a user logged in, or was logged in already and got a code.
    pub logins: u64,
    /// Token requests by grant type, refused ones included.
    pub token_requests: BTreeMap<String, u64>,
    /// The parameters of each token request, in the order in which they were sent.
    pub token_parameters: Vec<Vec<(String, String)>>,
    /// Refreshes that got tokens.
    pub refreshes_accepted: u64,
    /// Every refresh token that was sent to the token endpoint, and how often.
    pub refresh_tokens_sent: BTreeMap<String, u64>,
    /// How often a refresh token was sent again after it had been replaced, and no grace window covered it.
    pub reuse_detected: u64,
    /// How many logins were ended because one of their refresh tokens or codes was used again.
    pub families_revoked: u64,
    /// How often a code was sent again after it had been used.
    pub codes_replayed: u64,
    /// How often a client could not show who it is.
    pub clients_refused: u64,
}

impl Judge {
    /// How often this endpoint was asked.
    pub fn requests_to(&self, endpoint: Endpoint) -> u64 {
        self.requests.get(&endpoint).copied().unwrap_or(0)
    }

    /// How many token requests had this `grant_type`.
    pub fn grants(&self, grant_type: &str) -> u64 {
        self.token_requests.get(grant_type).copied().unwrap_or(0)
    }

    /// The refresh tokens that were sent more than once, and how often.
    pub fn refresh_tokens_resent(&self) -> Vec<(&str, u64)> {
        let sent = self.refresh_tokens_sent.iter();
        sent.filter(|(_, times)| **times > 1).map(|(token, times)| (token.as_str(), *times)).collect()
    }

    pub(super) fn token_request(&mut self, parameters: &[(String, String)]) {
        let value =
            |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let grant = value("grant_type").unwrap_or_default();
        if let Some(token) = value("refresh_token").filter(|_| grant == "refresh_token") {
            *self.refresh_tokens_sent.entry(token).or_default() += 1;
        }
        *self.token_requests.entry(grant).or_default() += 1;
        self.token_parameters.push(parameters.to_vec());
    }
}
