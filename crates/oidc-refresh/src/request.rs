//! The token request of a refresh.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, future};
use oidc_core::{
    Cause, GrantError, GrantErrorKind, Payload, SavedLogin, SendGate, TokenSet,
    store::{Lease, Record, Renew},
};

use crate::{drive::Trip, flight::Sent, memory::Refusal, shared::LoginSource, telemetry};

impl Trip {
    pub(crate) async fn send(&mut self, record: &Record, lease: &Lease) -> Sent {
        let shared = self.shared.clone();
        let mut login =
            match record.payload.as_ref().map(|payload| SavedLogin::from_payload(&shared.key, payload)) {
                None => SavedLogin::default(),
                Some(Ok(login)) => login,
                Some(Err(error)) => {
                    let retry_in = self.fail_with(error.into(), None);
                    return Sent::NotProcessed { retry_in };
                }
            };
        if shared.setup.grant.spends() && login.refresh().is_none() {
            return Sent::Refused(Cause::LoggedOut);
        }
        if let Some(refusal) = shared.state().refused.filter(|refusal| refusal.base == lease.base) {
            return Sent::Refused(refusal.cause);
        }
        let gate = SendGate::new(shared.setup.clock.clone(), self.gate_closes_at);
        let asked_at = shared.setup.clock.boot();
        let request = Request { shared: &shared, gate: &gate };
        let result = self.request(&login.tokens(shared.setup.target_id), lease, &gate).await;
        drop(request);
        if gate.was_passed() {
            telemetry::token_request(&result, shared.setup.clock.boot().since(asked_at));
        }
        match result {
            Ok(tokens) => {
                let payload = self.keep(&mut login, tokens);
                Sent::Won(payload)
            }
            Err(error) => {
                if let GrantErrorKind::Refused(cause) = error.kind() {
                    shared.state().refused = Some(Refusal { base: lease.base, cause, is_noted: false });
                }
                let sent = self.failed(error, login);
                self.replays = matches!(sent, Sent::Unknown { .. });
                sent
            }
        }
    }

    /// The token request, with a heartbeat that keeps the lease while the provider is slow.
    async fn request(
        &self,
        current: &TokenSet,
        lease: &Lease,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let shared = &self.shared;
        let obtain = shared.setup.grant.obtain(&shared.setup.target, Some(current), gate);
        let obtain = std::pin::pin!(AssertUnwindSafe(obtain).catch_unwind());
        let heartbeat = std::pin::pin!(self.keep_lease(lease, gate));
        let request = async {
            match future::select(obtain, heartbeat).await {
                future::Either::Left((output, _)) => output,
                future::Either::Right((never, _)) => match never {},
            }
        };
        let unanswered = |reason| {
            let sent = gate.was_passed();
            let kind = if sent { GrantErrorKind::OutcomeUnknown } else { GrantErrorKind::NotProcessed };
            GrantError::new(kind, reason)
        };
        match shared.within(shared.setup.policy.request_timeout, request).await {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(unanswered("the grant panicked")),
            None => Err(unanswered("the provider did not answer in time")),
        }
    }

    async fn keep_lease(&self, lease: &Lease, gate: &SendGate) -> std::convert::Infallible {
        let shared = &self.shared;
        let ttl = shared.setup.policy.lease_ttl;
        loop {
            let asked_at = shared.setup.clock.boot().after(shared.setup.policy.heartbeat);
            shared.setup.clock.sleep_until(asked_at).await;
            match shared.ask(shared.setup.store.renew(&shared.key, lease, ttl)).await {
                Ok(Renew::Held) => gate.keep_open_until(asked_at.after(ttl)),
                Ok(Renew::Lost) => gate.close(),
                Err(_) => {}
            }
        }
    }

    fn failed(&mut self, error: GrantError, mut login: SavedLogin) -> Sent {
        let kind = error.kind();
        let policy = &self.shared.setup.policy;
        let wish = error
            .retry_after()
            .or((kind == GrantErrorKind::Misconfigured).then_some(policy.misconfigured_pause));
        let salvage = error.salvage().cloned();
        let retry_in = self.fail_with(error.into(), wish);
        if let Some(salvage) = salvage {
            let payload = self.keep(&mut login, salvage);
            return Sent::Salvaged(payload);
        }
        match kind {
            GrantErrorKind::OutcomeUnknown => Sent::Unknown { retry_in },
            GrantErrorKind::Refused(cause) => Sent::Refused(cause),
            _ => Sent::NotProcessed { retry_in },
        }
    }

    fn keep(&mut self, login: &mut SavedLogin, tokens: TokenSet) -> Payload {
        // Before, not after: a token that took longer to arrive than it lives is for the API to judge.
        login.forget_ended(self.shared.setup.clock.wall());
        login.absorb(self.shared.setup.target_id, tokens);
        let payload = login.to_payload(&self.shared.key);
        self.won = Some(std::mem::take(login));
        payload
    }
}

/// A token request. It counts when it is over, also where nobody waits for its end because the runtime is gone.
struct Request<'a> {
    shared: &'a LoginSource,
    gate: &'a SendGate,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if self.gate.was_passed() {
            self.shared.state().desk.requested(self.shared.setup.clock.boot(), &self.shared.setup.policy);
        }
    }
}
