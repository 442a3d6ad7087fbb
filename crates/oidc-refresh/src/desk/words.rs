//! What is said at the desk.

use std::time::Duration;

use oidc_core::{BootTime, Cause, TokenError, TokenErrorKind};

use crate::{decide::Timing, policy::RefreshPolicy};

/// The token that is there, as far as it matters to the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Token {
    /// Which one it is.
    pub(crate) generation: u64,
    pub(crate) timing: Timing,
    /// When this process got it.
    pub(crate) received: BootTime,
    /// Whether an API rejected it.
    pub(crate) rejected: bool,
}

impl Token {
    /// Whether it may be used.
    pub(crate) fn is_good(&self, now: BootTime) -> bool {
        !self.rejected && now < self.timing.ends_at
    }

    /// Whether it was won just now. One that lives only for a little while is not just won for most of its life.
    pub(crate) fn is_early(&self, now: BootTime, policy: &RefreshPolicy) -> bool {
        let life = self.timing.ends_at.since(self.received);
        now.since(self.received) < policy.early_rejection.min(life / 4)
    }

    /// What its attention calls for, and when to look again.
    pub(crate) fn upkeep(&self, now: BootTime, policy: &RefreshPolicy) -> (Upkeep, BootTime) {
        let refresh_at = self.timing.refresh_at;
        let (upkeep, next) = if now >= refresh_at {
            (Upkeep::Refresh, now.after(policy.min_interval))
        } else {
            (Upkeep::Look, now.after(policy.revalidate_after).min(refresh_at))
        };
        (upkeep, next.min(self.timing.ends_at))
    }
}

/// What is to be done for a token that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Upkeep {
    /// Renew it.
    Refresh,
    /// Compare it with the store.
    Look,
}

/// What a caller waits for. Each is called once, and then never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(pub(super) u32);

/// What a caller gets who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry<E> {
    /// The token that is there.
    Serve,
    /// Nothing yet: the ticket of the refresh in flight.
    Wait(Ticket),
    /// Nothing yet: the ticket of a refresh that is to be started now.
    Start(Ticket),
    /// An error.
    Fail(E),
}

/// What everybody is told who waits for one ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Landing<E> {
    /// Things have changed: come again.
    Changed,
    /// There are tokens, but the access token of this generation was over when it arrived, because its life is shorter than the
    /// way to the API seems to be: let the API judge.
    Over(u64),
    /// An error.
    Failed(E),
}

/// What a caller gets whose ticket was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit<E> {
    /// The token that is there.
    Serve,
    /// What somebody gets who comes now.
    Again,
    /// An error.
    Fail(E),
}

/// How a refresh ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending<E> {
    /// There are tokens, won here or by somebody else.
    Renewed,
    /// There is no login any more, or nobody may ask at this time: `error` stands for `pause`.
    Denied { error: E, pause: Duration },
    /// It failed: `error` stands for `pause`, and the next pause is longer.
    Failed { error: E, pause: Duration },
}

/// A failure that stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Failure<E> {
    pub(crate) error: E,
    pub(crate) until: BootTime,
}

/// Whether there are tokens here at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    #[default]
    Open,
    /// Signed out here, and the store does not know yet.
    SigningOut,
    /// Shut down.
    Closed,
}

/// The errors that the desk itself has to tell.
pub(crate) trait Reason: Clone {
    /// The source was shut down.
    fn closed() -> Self;
    /// Somebody signed out.
    fn signed_out() -> Self;
    /// An API goes on rejecting the tokens that are won.
    fn rejected(pause: Duration) -> Self;
}

impl Reason for TokenError {
    fn closed() -> Self {
        Self::new(TokenErrorKind::Closed)
    }

    fn signed_out() -> Self {
        Self::reauth(Cause::LoggedOut)
    }

    fn rejected(pause: Duration) -> Self {
        Self::with_retry_after(TokenErrorKind::Rejected, pause)
    }
}
