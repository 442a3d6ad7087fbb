//! What a store keeps for one login.

use std::{
    fmt,
    hash::{Hash, Hasher},
    time::Duration,
};

use zeroize::Zeroizing;

use crate::Cause;

/// A random 128-bit identifier, chosen by whoever writes: of a login, or of an attempt to refresh it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteId(pub [u8; 16]);

impl WriteId {
    /// The identifier of what nobody wrote.
    pub const NIL: Self = Self([0; 16]);

    /// A new identifier.
    ///
    /// # Panics
    /// Where the operating system has no randomness to give, which ends all cryptography anyway.
    #[expect(clippy::expect_used, reason = "without randomness no identifier can be told from another")]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }
}

/// Which state of a record it is. Equal only if both parts are: after a fail-over that lost writes, the same counter
/// may be reached again by somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Revision {
    /// Rises by one with every change of the tokens, sign-out included.
    pub counter: u64,
    /// Chosen by the writer.
    pub tag: WriteId,
}

impl Revision {
    /// The revision of a record that was never written.
    pub const ABSENT: Self = Self { counter: 0, tag: WriteId::NIL };

    /// The revision that follows, written by `tag`.
    #[must_use]
    pub fn next(self, tag: WriteId) -> Self {
        Self { counter: self.counter.saturating_add(1), tag }
    }

    /// Whether somebody who knows `seen` has to take this one instead: another state that is not behind it.
    pub fn is_news_to(self, seen: Self) -> bool {
        self != seen && self.counter >= seen.counter
    }
}

/// A time in milliseconds on the store's own clock. It means nothing to any other clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTime(pub i64);

impl StoreTime {
    /// The time so much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` it is; zero where it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// The tokens of one login in the byte form that `oidc-core` makes and reads; opaque to the store. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Zeroizing<Vec<u8>>);

impl Payload {
    /// Takes the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Hash for Payload {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// Lease and in-flight marker in one: who is spending the refresh token of which revision, until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Whose claim it is.
    pub attempt: WriteId,
    /// The revision whose refresh token is being spent.
    pub base: Revision,
    /// When the claim ends, unless it is renewed.
    pub deadline: StoreTime,
}

/// What a store keeps for one login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// Changed by `put`, `commit` and `remove` only.
    pub revision: Revision,
    /// The tokens; `None` is a tombstone: signed out, or never logged in.
    pub payload: Option<Payload>,
    /// The identifier of the last `put`; survives `commit` and `remove`.
    pub login: WriteId,
    /// Who is refreshing.
    pub claim: Option<Claim>,
    /// The counter of the newest revision whose refresh token was sent with an unknown outcome.
    pub doubt: Option<u64>,
    /// The provider refused the refresh token of this revision for good.
    pub rejected: Option<Cause>,
    /// No refresh before this time: back-off or `Retry-After`, for all processes.
    pub not_before: Option<StoreTime>,
}

impl Record {
    /// Whether the outcome of a send of this revision's refresh token, or of the one before, is unknown.
    pub fn in_doubt(&self) -> bool {
        let counter = self.revision.counter;
        self.doubt.is_some_and(|doubt| doubt == counter || doubt.checked_add(1) == Some(counter))
    }

    /// Whether nobody is logged in: signed out, or never logged in.
    pub fn is_tombstone(&self) -> bool {
        self.payload.is_none()
    }
}

/// The right to spend the refresh token of one revision. It names what it may replace and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose lease it is.
    pub attempt: WriteId,
    /// The revision that a commit replaces.
    pub base: Revision,
}

impl Lease {
    /// The revision that a commit writes. Known before the commit, so that a wrapper can authenticate it.
    pub fn successor(&self) -> Revision {
        self.base.next(self.attempt)
    }
}
