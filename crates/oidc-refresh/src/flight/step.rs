//! What the machine says and hears.

use std::time::Duration;

use oidc_core::{
    Cause, Payload,
    store::{Abandon, Begin, Commit, Lease, Record, WriteId},
};

/// What the shell does next. Each step but the last is answered by one [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Read the record. Answer: `Loaded`.
    Load,
    /// Take over the tokens of this record and say whether they will do. Answer: `Adopted`.
    Adopt(Record),
    /// Do everything slow that needs no lease. Answer: `Prepared`.
    Prepare,
    /// Ask for the lease. Answer: `Began`.
    Begin { attempt: WriteId },
    /// Wait. Answer: `Woke`.
    Pause(Duration),
    /// Send the refresh token of this record. Answer: `Sent`.
    Send { record: Record, lease: Lease },
    /// Write the successor. Answer: `Committed`.
    Commit { lease: Lease, payload: Payload },
    /// Serve these tokens, although they could not be written yet. Answer: `Served`.
    Serve(Payload),
    /// Give the lease back. Answer: `Abandoned`.
    Abandon { lease: Lease, outcome: Abandon, retry_in: Option<Duration> },
    /// Revoke tokens that nobody will use. Answer: `Discarded`.
    Discard(Payload),
    /// It is over.
    Finish(Outcome),
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Loaded(Result<Option<Record>, StoreFault>),
    Adopted(Adopted),
    Prepared(bool),
    Began(Result<Begin, StoreFault>),
    Woke,
    Sent(Sent),
    Committed(Result<Commit, StoreFault>),
    Served,
    Abandoned(Result<(), StoreFault>),
    Discarded,
}

/// The store failed. What exactly went wrong is for those who wait; it decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StoreFault;

/// Whether the tokens of a record will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Adopted {
    Usable,
    Ended,
    Unreadable,
}

/// What became of the token request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sent {
    /// New tokens: the whole login, ready to be written.
    Won(Payload),
    /// Something worth keeping came with an answer that is a failure.
    Salvaged(Payload),
    /// Nothing was processed.
    NotProcessed { retry_in: Duration },
    /// Nobody knows. `retry_in` counts if this was the second time.
    Unknown { retry_in: Duration },
    /// Refused for good.
    Refused(Cause),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// The store has new tokens, won here.
    Renewed,
    /// Tokens that somebody else won will do.
    Adopted,
    /// Nobody is logged in.
    LoggedOut,
    /// The refresh token is refused for good.
    Dead(Cause),
    /// A back-off set by any process has not ended.
    BackOff(Duration),
    /// The provider or the preparation failed; the error was noted when it happened.
    Failed,
    /// The store failed or was too busy for too long; nothing was spent.
    StoreFailed,
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Waits {
    /// Between two looks at a record that somebody else is refreshing.
    pub(crate) poll: Duration,
    /// For somebody else's refresh, where a refresh token is to be spent.
    pub(crate) patience: Duration,
    /// For somebody else's refresh, where nothing is spent.
    pub(crate) brief: Duration,
    /// Between two tries to write.
    pub(crate) save: Duration,
}
