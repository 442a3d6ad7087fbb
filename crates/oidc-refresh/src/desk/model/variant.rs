//! What somebody might do instead, and what each costs.

/// The desk, or something that is simpler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Variant {
    Desk,
    /// Decides under one lock and starts the refresh under another.
    StartsUnderAnotherLock,
    /// Starts a refresh behind the back of a caller without asking again whether that is still wanted.
    RemindsWithoutDeciding,
    /// Calls those who wait before the desk knows that the flight is over.
    CallsBeforeLanding,
    /// Gives those who come while tokens are being saved the ticket that was called already.
    KeepsTicketWhileSaving,
    /// Says nothing when a flight panics.
    DiesInSilence,
    /// Does not keep a failure.
    ForgetsFailures,
    /// Lets a flight land, although somebody signed in or out since it began.
    BelievesLateLandings,
    /// Serves whoever was woken what is there, if no API rejected it.
    ServesWhatIsThere,
    /// Tells whoever was woken late that an API rejects everything, if it rejected what is there.
    BlamesLateWaiters,
    /// Rejects the token that is there, whichever it is that an API rejected.
    RejectsAnyToken,
    /// Notes that attention was claimed without looking whether the token was rejected meanwhile.
    ClaimsBlindly,
    /// Counts a token request only where its answer arrives.
    CountsAnswersOnly,
    /// Lets every token request of a flight through that has sent one.
    ReplaysAtWill,
    /// Does not count the end of a sign-out as news.
    SignsOutInSilence,
    /// Believes the store also while somebody signs out.
    AdoptsWhileSigningOut,
    /// Begins a login, although somebody signed out since.
    BeginsLate,
}
