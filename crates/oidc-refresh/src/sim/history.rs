//! What happened, in order: all that the checker sees.

use std::{fmt, time::Duration};

use oidc_core::TokenErrorKind;

/// A process from its start to its end: the place that it runs in, and how often one has been started there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pid {
    pub(super) place: u8,
    pub(super) start: u8,
}

/// A refresh token: the login at the provider that it belongs to, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Refresh {
    pub(super) family: u16,
    pub(super) number: u16,
}

/// An access token: the login at the provider that it belongs to, and its number among all access tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Access {
    pub(super) family: u16,
    pub(super) number: u16,
}

/// Whose tokens: one key of the store.
pub(super) type Login = u8;
/// Which target of a login.
pub(super) type TargetNumber = u8;
/// One token request.
pub(super) type RequestId = u16;
/// One call of an application.
pub(super) type CallId = u32;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) event: Event,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    Started {
        process: Pid,
    },
    /// Somebody logged in at the provider.
    Granted {
        login: Login,
        family: u16,
        access: Access,
        life: Option<Duration>,
    },
    /// A token request left a process.
    Sent {
        request: RequestId,
        process: Pid,
        login: Login,
        target: TargetNumber,
        refresh: Refresh,
    },
    /// The provider dealt with it.
    Handled {
        request: RequestId,
        verdict: Verdict,
    },
    /// The process learnt this of it.
    Heard {
        request: RequestId,
        heard: Heard,
    },
    /// A process revoked tokens that it had no use for.
    Discarded {
        refresh: Refresh,
    },
    /// A record got another revision.
    Stored {
        login: Login,
        process: Pid,
        write: Write,
        tokens: Option<Saved>,
    },
    /// A record was marked as refused, or lost that mark.
    Marked {
        login: Login,
        process: Pid,
        rejected: bool,
    },
    /// The store answered, or its failure arrived. `shown` is the refresh token that the record had when it was looked at.
    Answered {
        login: Login,
        process: Pid,
        operation: Operation,
        done: bool,
        shown: Option<Refresh>,
    },
    /// An application asked for a token.
    Asked {
        call: CallId,
        process: Pid,
        login: Login,
        target: TargetNumber,
    },
    Got {
        call: CallId,
        access: Access,
    },
    Failed {
        call: CallId,
        error: TokenErrorKind,
    },
    GaveUp {
        call: CallId,
    },
    /// An application told a source that an API rejected this token.
    Rejected {
        process: Pid,
        login: Login,
        target: TargetNumber,
        access: Access,
    },
    SignIn {
        call: CallId,
        process: Pid,
        login: Login,
        family: u16,
    },
    SignOut {
        call: CallId,
        process: Pid,
        login: Login,
    },
    ShutDown {
        call: CallId,
        process: Pid,
    },
    /// A sign-in, sign-out or shutdown came to its end.
    Ended {
        call: CallId,
        result: Result<(), TokenErrorKind>,
    },
    /// Something went wrong, with this process and this login where it was theirs alone.
    Fault {
        process: Option<Pid>,
        login: Option<Login>,
        fault: Fault,
    },
    /// From here on nothing goes wrong.
    Calm,
    /// The time for recovery is over: what each source gives from here on is final.
    Final,
    /// Nobody could go on, or what was under way went on for ever.
    Stuck,
}

/// What the provider did with a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New tokens; `refresh` is the one sent where the provider does not rotate.
    Issued { access: Access, refresh: Refresh, life: Option<Duration> },
    /// The family had been revoked before.
    Refused,
    /// Used before: the family is revoked from now on.
    Reused,
    /// Used before, and refused without harm to anybody.
    Spent,
    /// Not looked at.
    TurnedAway,
}

/// What a process learnt of its token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Tokens,
    /// A usable refresh token beside an unusable access token.
    Salvage,
    Refused,
    NotProcessed {
        retry_after: Option<Duration>,
    },
    Misconfigured,
    /// That nobody knows.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Put,
    Commit,
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Load,
    Put,
    Begin,
    Renew,
    Commit,
    Abandon,
    Remove,
}

/// The tokens of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) refresh: Refresh,
    pub(super) access: Vec<Access>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    RequestLost,
    AnswerLost,
    SlowAnswer,
    TurnedAway,
    OddAnswer,
    NotPrepared,
    StoreFails {
        operation: Operation,
        done: bool,
    },
    StoreSlow {
        operation: Operation,
    },
    Crash,
    Pause,
    /// The store fails over, and the last write to this record is lost; that was one of this kind.
    WriteLost {
        write: Option<Write>,
    },
    /// The wall clock is off by so many milliseconds from now on.
    WallClock {
        off: i64,
    },
    AccessRevoked,
    FamilyRevoked {
        family: u16,
    },
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}.{}", self.place, self.start)
    }
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}.{}", self.family, self.number)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a{}.{}", self.family, self.number)
    }
}

impl Refresh {
    pub(super) fn parse(text: &str) -> Option<Self> {
        parse(text, 'r').map(|(family, number)| Self { family, number })
    }
}

impl Access {
    pub(super) fn parse(text: &str) -> Option<Self> {
        parse(text, 'a').map(|(family, number)| Self { family, number })
    }
}

fn parse(text: &str, kind: char) -> Option<(u16, u16)> {
    let (family, number) = text.strip_prefix(kind)?.split_once('.')?;
    Some((family.parse().ok()?, number.parse().ok()?))
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} {:?}", self.at.as_secs_f64(), self.event)
    }
}
