//! The tempting simpler contracts, each of which loses a login.

/// The contract, or what somebody might do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Variant {
    Contract,
    CommitNeedsLiveLease,
    CommitNeedsSameAttempt,
    RejectionChangesRevision,
    RejectionIgnoresRevision,
    CommitClearsForeignClaim,
    RemoveKeepsRevision,
    PutKeepsRevision,
    PutIgnoresRevision,
    RemoveDeletesRow,
    CounterOnlyRevisions,
    LeaseIdsFromStoreCounter,
    RefuseAfterDeadOwner,
    NoMarker,
    NotSentClearsDoubt,
    DoubtNotInherited,
    RevokeOnEverySuperseded,
    ReleaseAfterCommitError,
    UnknownAfterCommitError,
    TokenFromMemory,
    BackOffIgnored,
    DoubtOnlyOnSameRevision,
    RefusalWithoutDoubt,
    NothingRepaired,
    DeadWithoutReading,
}
