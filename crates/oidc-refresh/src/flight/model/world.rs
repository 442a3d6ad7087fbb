//! The state that is explored: store, provider, processes, and what must not be forgotten about the past.

use oidc_core::{
    Cause,
    store::{Abandon, Lease, Put, Revision, WriteId},
};

use super::{
    process::{Gate, Process},
    provider::{Provider, Tokens},
    scenario::{Budget, Scenario},
    store::Store,
    variant::Variant,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) store: Store,
    pub(super) provider: Provider,
    pub(super) processes: Vec<Process>,
    pub(super) sign_in: Option<SignIn>,
    /// Access tokens up to this one have ended.
    pub(super) ended: u8,
    /// What may still happen.
    pub(super) left: Budget,
    pub(super) seen: Seen,
}

/// What the past demands of the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Seen {
    /// Which logins may be in the store, one bit each; the highest for none.
    pub(super) logins: u8,
    /// The newest revision that was acknowledged and that the store did not lose since.
    pub(super) acknowledged: Option<Revision>,
    /// A refresh token was sent again without need.
    pub(super) sent_again: bool,
    /// Somebody got the lease of a refresh token that the store knew is refused.
    pub(super) holds_rejected: bool,
    /// Two processes had the lease of one login.
    pub(super) shared: bool,
    /// A commit took the place of something else than its predecessor.
    pub(super) overwritten: bool,
    /// A login that had begun before a logout undid it.
    pub(super) signed_in_again: bool,
    /// A loss was reported as a plain rejection.
    pub(super) misnamed: bool,
    /// A lease was given out during a back-off.
    pub(super) hurried: bool,
}

/// A login under way: the tokens are there and have to be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SignIn {
    by: Option<usize>,
    id: WriteId,
    tokens: Tokens,
    expected: Revision,
    /// The login that it replaces.
    replaces: WriteId,
    /// Somebody signed out since.
    signed_out: bool,
}

/// The bit of "nobody is logged in".
const NOBODY: u8 = 1 << 7;

impl World {
    /// Everybody has the same login, whose access token has ended; where nothing is spent, there is nothing yet.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let provider = Provider::new(scenario.rotation);
        let tokens = Tokens { family: 0, number: 0, access: 0 };
        let mut store = Store::default();
        if scenario.spends {
            store.put(scenario, None, id(LOGIN, 0), tokens.payload());
            store.settle();
        }
        let record = store.record();
        let processes = (0..scenario.processes)
            .map(|index| {
                let remembered = record.payload.clone().filter(|_| index >= scenario.cold);
                Process::new(scenario.asks, remembered.map(|payload| (record.revision, payload)))
            })
            .collect();
        let logins = if scenario.spends { 1 } else { 1 | NOBODY };
        let seen = Seen { logins, acknowledged: Some(record.revision), ..Seen::default() };
        Self { store, provider, processes, sign_in: None, ended: 0, left: scenario.budget, seen }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.processes.iter().all(|process| process.flight.is_none())
    }

    /// The tokens in the store.
    pub(super) fn stored(&self) -> Option<Tokens> {
        self.store.row.as_ref()?.payload.as_ref().map(Tokens::of)
    }

    pub(super) fn is_usable(&self, tokens: Tokens) -> bool {
        tokens.access > self.ended
    }

    /// The store lost writes, which excuses some things.
    pub(super) fn has_failed_over(&self, scenario: &Scenario) -> bool {
        self.left.fail_over < scenario.budget.fail_over
    }

    /// The provider revoked a login without our doing.
    pub(super) fn has_revoked(&self, scenario: &Scenario) -> bool {
        self.left.revoke < scenario.budget.revoke
    }

    /// Whether what is in the store may be there.
    pub(super) fn has_right_login(&self) -> bool {
        self.seen.logins & self.login_bit() != 0
    }

    /// Whether nobody needs to be logged in.
    pub(super) fn may_be_signed_out(&self) -> bool {
        self.seen.logins & NOBODY != 0
    }

    /// Whether it is beyond doubt which login is the current one.
    pub(super) fn has_one_login(&self) -> bool {
        self.seen.logins.count_ones() == 1 && !self.may_be_signed_out()
    }

    /// Whether the newest acknowledged write is still there, or something that came after it.
    pub(super) fn keeps_acknowledged(&self) -> bool {
        let current = self.store.record().revision;
        self.seen
            .acknowledged
            .is_none_or(|revision| current == revision || current.counter > revision.counter)
    }

    pub(super) fn acknowledge(&mut self) {
        self.seen.acknowledged = self.store.row.as_ref().map(|record| record.revision);
    }

    pub(super) fn fail_over(&mut self) {
        self.store.fail_over();
        let claim = self.store.live_claim();
        let flights = self.processes.iter_mut().filter_map(|process| process.flight.as_mut());
        for airborne in flights.filter(|airborne| airborne.gate == Gate::Open && claim != Some(airborne.id)) {
            airborne.gate = Gate::Unguarded;
        }
        self.seen.logins |= self.login_bit();
        self.seen.acknowledged = None;
        if let Some(login) = &mut self.sign_in {
            login.signed_out = false;
        }
    }

    /// Notes that `tokens` are sent, and whether there is an excuse if they were before.
    pub(super) fn note_sent(&mut self, scenario: &Scenario, tokens: Tokens) {
        let times = self.provider.note_sent(tokens);
        let (had, left) = (scenario.budget, self.left);
        let excuses = (had.crash - left.crash) + (had.pause - left.pause) + (had.lost - left.lost);
        if self.provider.rotates() && !self.has_failed_over(scenario) && times > 1 + excuses {
            self.seen.sent_again = true;
        }
    }

    /// Notes that a process got the lease, during a back-off or not.
    pub(super) fn note_held(&mut self, scenario: &Scenario, index: usize, backs_off: bool) {
        self.seen.hurried |= backs_off;
        let Some(tokens) = self.stored() else { return };
        let rejected = self.provider.was_rejected(tokens);
        self.seen.holds_rejected |= rejected && !self.has_failed_over(scenario);
        self.seen.shared |= scenario.spends
            && self
                .processes
                .iter()
                .enumerate()
                .any(|(other, process)| other != index && process.is_about_to_send(tokens.family));
    }

    /// Notes that somebody is told, or will be, that a refresh token is of no use any more.
    pub(super) fn note_cause(&mut self, scenario: &Scenario, cause: Cause) {
        let excused = self.has_failed_over(scenario) || self.has_revoked(scenario);
        if cause == Cause::GrantRejected && !excused {
            self.seen.misnamed = true;
        }
    }

    pub(super) fn abandon(
        &mut self,
        scenario: &Scenario,
        lease: Lease,
        id: WriteId,
        outcome: Abandon,
        retry_in: Option<std::time::Duration>,
    ) {
        self.store.abandon(scenario, lease, id, outcome, retry_in);
        let rejected = self.store.record().rejected;
        if let (Some(cause), Some(tokens)) = (rejected, self.stored()) {
            self.provider.note_rejected(tokens);
            self.note_cause(scenario, cause);
        }
    }

    pub(super) fn sign_out(&mut self, scenario: &Scenario, by: Option<usize>) {
        let id = id(LOGOUT, self.left.sign_out);
        self.store.remove(scenario, id);
        self.seen.logins = NOBODY;
        self.acknowledge();
        if let Some(login) = &mut self.sign_in {
            login.signed_out = true;
        }
        if let Some(process) = by.and_then(|by| self.processes.get_mut(by)) {
            process.forget();
        }
    }

    pub(super) fn start_sign_in(&mut self, by: Option<usize>) {
        let tokens = self.provider.sign_in();
        let record = self.store.record();
        let id = id(LOGIN, 1 + self.left.sign_in);
        self.sign_in = Some(SignIn {
            by,
            id,
            tokens,
            expected: record.revision,
            replaces: record.login,
            signed_out: false,
        });
    }

    /// Tries to write the new login; `acknowledged` says whether the answer arrives.
    pub(super) fn put(&mut self, scenario: &Scenario, acknowledged: bool) {
        let Some(mut login) = self.sign_in.take() else { return };
        let put = self.store.put(scenario, Some(login.expected), login.id, login.tokens.payload());
        if let Put::Done(_) = put {
            self.seen.logins = self.login_bit();
            self.seen.signed_in_again |= login.signed_out;
        }
        match put {
            _ if !acknowledged => self.sign_in = Some(login),
            Put::Done(_) => {
                self.acknowledge();
                self.signed_in(login);
            }
            Put::Superseded { current } if current.login == login.id => self.signed_in(login),
            Put::Superseded { current } if current.is_tombstone() || current.login != login.replaces => {
                self.provider.revoke(login.tokens);
            }
            Put::Superseded { current } => {
                login.expected = current.revision;
                self.sign_in = Some(login);
            }
        }
    }

    fn signed_in(&mut self, login: SignIn) {
        let record = self.store.record();
        let Some(process) = login.by.and_then(|by| self.processes.get_mut(by)) else { return };
        if let Some(payload) = record.payload {
            process.hold(record.revision, payload);
        }
    }

    fn login_bit(&self) -> u8 {
        self.stored().map_or(NOBODY, |tokens| 1 << tokens.family)
    }
}

const LOGIN: u8 = 0x80;
const LOGOUT: u8 = 0x90;

/// An identifier; the last bytes are left to those who count on from it.
pub(super) fn id(who: u8, serial: u8) -> WriteId {
    let mut bytes = [0; 16];
    bytes[0] = who;
    bytes[1] = serial;
    WriteId(bytes)
}

/// What a refresh is called by the store, and by itself.
pub(super) fn attempt_ids(scenario: &Scenario, process: u8, serial: u8) -> (WriteId, WriteId) {
    let own = id(1 + process, serial);
    match scenario.variant {
        Variant::CounterOnlyRevisions => (own, WriteId::NIL),
        Variant::LeaseIdsFromStoreCounter => (WriteId::NIL, own),
        _ => (own, own),
    }
}
