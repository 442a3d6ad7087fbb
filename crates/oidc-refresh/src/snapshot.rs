//! The credential as the hot path sees it.

use oidc_core::{BootTime, Credential};

use crate::{attention::Attention, decide::Timing, desk::Token, status::Origin};

/// One credential and when it needs attention. Replaced as a whole; only the attention changes.
#[derive(Debug)]
pub(crate) struct Snapshot {
    credential: Credential,
    timing: Timing,
    received: BootTime,
    origin: Origin,
    attention: Attention,
}

impl Snapshot {
    pub(crate) fn new(
        credential: Credential,
        origin: Origin,
        timing: Timing,
        received: BootTime,
        look_at: BootTime,
    ) -> Self {
        let attention = Attention::at(timing.refresh_at.min(timing.ends_at).min(look_at));
        Self { credential, timing, received, origin, attention }
    }

    /// The same credential with a new life.
    pub(crate) fn prolonged(&self, timing: Timing, look_at: BootTime) -> Self {
        Self::new(self.credential.clone(), self.origin, timing, self.received, look_at)
    }

    /// The credential, where nothing at all has to be done about it.
    pub(crate) fn quiet(&self, now: BootTime) -> Option<&Credential> {
        self.attention.is_quiet(now).then_some(&self.credential)
    }

    /// The credential, where it may be used.
    pub(crate) fn good(&self, now: BootTime) -> Option<&Credential> {
        self.token().is_good(now).then_some(&self.credential)
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// When this process got it.
    pub(crate) fn received(&self) -> BootTime {
        self.received
    }

    /// Where it came from.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// What the desk sees of it.
    pub(crate) fn token(&self) -> Token {
        Token {
            generation: self.credential.generation().number(),
            timing: self.timing,
            received: self.received,
            rejected: self.attention.is_rejected(),
        }
    }

    /// An API rejected it: nobody gets it any more. Says whether this was the first time.
    pub(crate) fn reject(&self) -> bool {
        self.attention.reject()
    }

    /// Moves the moment at which something has to be done; of several callers one succeeds.
    pub(crate) fn claim_attention(&self, now: BootTime, next: BootTime) -> bool {
        self.attention.claim(now, next)
    }
}
