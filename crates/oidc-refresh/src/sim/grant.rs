//! The way from a process to the provider and back.

use std::{future::pending, sync::Arc, time::Duration};

use async_trait::async_trait;
use oidc_core::{
    AccessToken, Cause, Clock, Grant, GrantError, GrantErrorKind, Lifetime, Secret, SendGate, Target,
    TokenSet,
};
use tokio::sync::oneshot;

use super::{
    history::{Access, Event, Fault, Heard, Login, Refresh, RequestId, TargetNumber, Verdict},
    plan::LONGEST_RETRY_AFTER,
    process::Process,
};

/// Sends refresh tokens, through a network that loses things, to a provider that has bad days.
#[derive(Clone, Debug)]
pub(super) struct SimGrant(pub(super) Arc<Process>);

/// What becomes of one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Good { back: Duration },
    Unsent,
    RequestLost { silently: bool },
    AnswerLost { silently: bool },
    TurnedAway { retry_after: Option<Duration> },
    Misconfigured,
    Salvage,
}

#[async_trait]
impl Grant for SimGrant {
    fn spends(&self) -> bool {
        true
    }

    async fn prepare(&self) -> Result<(), GrantError> {
        let (process, world) = (&self.0, &self.0.world);
        if !world.goes_wrong(world.plan.rates.not_prepared, Some(process.pid), None, Fault::NotPrepared) {
            return Ok(());
        }
        let (slow, hopeless) = world.with(|inside| (inside.rng.millis(0, 6_000), inside.rng.chance(300)));
        process.sleep(slow).await;
        let kind = if hopeless { GrantErrorKind::Misconfigured } else { GrantErrorKind::NotProcessed };
        Err(GrantError::new(kind, "no discovery"))
    }

    async fn obtain(
        &self,
        target: &Target,
        current: Option<&TokenSet>,
        gate: &SendGate,
    ) -> Result<TokenSet, GrantError> {
        let (process, world) = (&self.0, &self.0.world);
        let received = process.wall();
        let refresh = current.and_then(TokenSet::refresh).unwrap();
        let refresh = Refresh::parse(refresh.expose()).unwrap();
        let login = world.with(|inside| inside.provider.login_of(refresh.family));
        let fate = self.fate(login);
        gate.pass()?;
        process.may_pause(world.plan.rates.pause_in_step);
        process.running().await;
        if matches!(fate, Fate::Unsent) {
            return Err(GrantError::new(GrantErrorKind::NotProcessed, "refused"));
        }
        let request = world.with(|inside| {
            inside.requests += 1;
            inside.requests
        });
        let target = world.target_number(target);
        process.note(Event::Sent { request, process: process.pid, login, target, refresh });
        let mut listener = Listener { grant: self, request, heard: Heard::Unknown };
        process.may_crash(world.plan.rates.crash_in_step);
        let verdict = self.exchange(request, (refresh, target), fate).await;
        process.may_pause(world.plan.rates.pause_in_step);
        process.may_crash(world.plan.rates.crash_in_step);
        process.running().await;
        listener.heard = heard(fate, verdict);
        result(listener.heard, verdict, Lifetime::new(received, None))
    }

    async fn discard(&self, refresh: &Secret) {
        let refresh = Refresh::parse(refresh.expose()).unwrap();
        self.0.note(Event::Discarded { refresh });
        let now = self.0.world.now();
        self.0.world.with(|inside| inside.provider.revoke(refresh.family, now));
    }
}

impl SimGrant {
    fn fate(&self, login: Login) -> Fate {
        let (process, world) = (&self.0, &self.0.world);
        let rates = &world.plan.rates;
        let wrong = |rate, fault| world.goes_wrong(rate, Some(process.pid), Some(login), fault);
        let chance = |permille| world.with(|inside| inside.rng.chance(permille));
        if wrong(rates.request_lost, Fault::RequestLost) {
            return if chance(300) { Fate::Unsent } else { Fate::RequestLost { silently: chance(500) } };
        }
        if wrong(rates.answer_lost, Fault::AnswerLost) {
            return Fate::AnswerLost { silently: chance(500) };
        }
        if wrong(rates.turned_away, Fault::TurnedAway) {
            let most = LONGEST_RETRY_AFTER.as_secs();
            let wish = world.with(|inside| Duration::from_secs(1 + inside.rng.below(most)));
            return Fate::TurnedAway { retry_after: chance(500).then_some(wish) };
        }
        if wrong(rates.odd_answer, Fault::OddAnswer) {
            return if chance(500) { Fate::Salvage } else { Fate::Misconfigured };
        }
        let slow = wrong(rates.slow_answer, Fault::SlowAnswer);
        let back = world.with(|inside| inside.rng.millis(1, if slow { 10_000 } else { 150 }));
        Fate::Good { back }
    }

    /// The request goes its way whatever becomes of the process that sent it.
    async fn exchange(
        &self,
        request: RequestId,
        (refresh, target): (Refresh, TargetNumber),
        fate: Fate,
    ) -> Option<Verdict> {
        let world = self.0.world.clone();
        let (answer, arrival) = oneshot::channel();
        tokio::spawn(async move {
            let there = world.with(|inside| inside.rng.millis(1, 100));
            world.sleep(there).await;
            if let Fate::RequestLost { silently } = fate {
                return lose(answer, silently).await;
            }
            let now = world.now();
            let verdict = world.with(|inside| {
                let life = inside.rng.chance(world.plan.names_life).then_some(world.plan.life);
                let verdict = match fate {
                    Fate::TurnedAway { .. } | Fate::Misconfigured => Verdict::TurnedAway,
                    _ => inside.provider.handle(refresh, target, now, life),
                };
                inside.note(now, Event::Handled { request, verdict });
                verdict
            });
            match fate {
                Fate::AnswerLost { silently } => return lose(answer, silently).await,
                Fate::Good { back } => world.sleep(back).await,
                _ => world.sleep(there).await,
            }
            let _ = answer.send(verdict);
        });
        arrival.await.ok()
    }
}

/// A connection that breaks tells the client at once; one that falls silent never does.
async fn lose(answer: oneshot::Sender<Verdict>, silently: bool) {
    if silently {
        pending::<()>().await;
    }
    drop(answer);
}

fn heard(fate: Fate, verdict: Option<Verdict>) -> Heard {
    match (fate, verdict) {
        (_, None) => Heard::Unknown,
        (Fate::TurnedAway { retry_after }, _) => Heard::NotProcessed { retry_after },
        (Fate::Misconfigured, _) => Heard::Misconfigured,
        (Fate::Salvage, Some(Verdict::Issued { .. })) => Heard::Salvage,
        (_, Some(Verdict::Issued { .. })) => Heard::Tokens,
        (_, Some(_)) => Heard::Refused,
    }
}

fn result(heard: Heard, verdict: Option<Verdict>, lifetime: Lifetime) -> Result<TokenSet, GrantError> {
    let error = |kind| Err(GrantError::new(kind, "simulated"));
    match (heard, verdict) {
        (Heard::Tokens, Some(Verdict::Issued { access, refresh, life })) => {
            Ok(tokens(access, refresh, Lifetime::new(lifetime.received(), life)))
        }
        (Heard::Salvage, Some(Verdict::Issued { refresh, .. })) => {
            let salvage = TokenSet::from_refresh_token(Secret::from(format!("{refresh:?}")));
            Err(GrantError::new(GrantErrorKind::NotProcessed, "odd access token").with_salvage(salvage))
        }
        (Heard::NotProcessed { retry_after }, _) => {
            let error = GrantError::new(GrantErrorKind::NotProcessed, "turned away");
            Err(retry_after.into_iter().fold(error, GrantError::with_retry_after))
        }
        (Heard::Misconfigured, _) => error(GrantErrorKind::Misconfigured),
        (Heard::Refused, _) => error(GrantErrorKind::Refused(Cause::GrantRejected)),
        _ => error(GrantErrorKind::OutcomeUnknown),
    }
}

/// What an answer brings.
pub(super) fn tokens(access: Access, refresh: Refresh, lifetime: Lifetime) -> TokenSet {
    let access = AccessToken::bearer(Secret::from(format!("{access:?}")), lifetime).unwrap();
    TokenSet::new(access).with_refresh_token(Secret::from(format!("{refresh:?}")))
}

/// Notes what the process learnt, also where it gave up waiting.
struct Listener<'a> {
    grant: &'a SimGrant,
    request: RequestId,
    heard: Heard,
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.grant.0.note(Event::Heard { request: self.request, heard: self.heard });
    }
}
