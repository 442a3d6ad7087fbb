//! The state of a source while nothing happens, as few bytes: how a million users fit into one machine.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_core::{
    BootTime, KeyId, Payload,
    store::{Revision, WriteId},
};
use zeroize::Zeroizing;

use crate::{
    desk::{Desk, Quiet},
    flight::Ledger,
    memory::State,
    shorthand::Shorthand,
    snapshot::Snapshot,
};

/// Writes down `state`, which belongs to the login `key` whose credential is `snapshot`; both are needed to read it again. Nothing, where
/// something is going on.
pub(crate) fn write(state: &State, key: &KeyId, snapshot: Option<&Snapshot>) -> Option<Zeroizing<Box<[u8]>>> {
    let State { ledger, desk, call: None, refused: None } = state else { return None };
    let quiet = desk.quiet()?;
    if quiet == Quiet::default() && *ledger == Ledger::default() {
        return Some(Zeroizing::default());
    }
    let payload = ledger.payload().map_or(&[][..], Payload::as_bytes);
    // Room for the worst: a vector that grows leaves a copy of the refresh token behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * payload.len() + 512));
    put_number(&mut bytes, nanoseconds(quiet.next_request_at));
    put_number(&mut bytes, u64::from(quiet.epoch));
    put_number(&mut bytes, u64::from(quiet.tickets));
    put_number(&mut bytes, u64::from(quiet.early_rejections) << 1 | u64::from(quiet.closed));
    let passed = ledger.passed();
    put_number(&mut bytes, u64::try_from(passed.len()).unwrap_or(0));
    passed.chain(ledger.seen()).for_each(|revision| put_revision(&mut bytes, revision));
    with_shorthand(key, snapshot, |shorthand| shorthand.write(payload, &mut bytes));
    Some(Zeroizing::new(bytes.as_slice().into()))
}

/// Reads what [`write`] wrote.
pub(crate) fn read(bytes: &[u8], key: &KeyId, snapshot: Option<&Snapshot>) -> State {
    let mut reader = Reader(bytes);
    reader.state(key, snapshot).unwrap_or_default()
}

/// When the next token request is allowed.
pub(crate) fn next_request_at(bytes: &[u8]) -> BootTime {
    time(Reader(bytes).number().unwrap_or(0))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn state(&mut self, key: &KeyId, snapshot: Option<&Snapshot>) -> Option<State> {
        let next_request_at = time(self.number()?);
        let (epoch, tickets) = (self.small()?, self.small()?);
        let rejections = self.number()?;
        let early_rejections = u32::try_from(rejections >> 1).ok()?;
        let closed = rejections & 1 == 1;
        let desk = Desk::resume(Quiet { next_request_at, epoch, tickets, early_rejections, closed });
        let passed = (0..self.number()?).map(|_| self.revision()).collect::<Option<_>>()?;
        let held = if self.0.is_empty() {
            None
        } else {
            let revision = self.revision()?;
            let payload = with_shorthand(key, snapshot, |shorthand| shorthand.read(self.0));
            Some((revision, Payload::new(payload)))
        };
        Some(State { ledger: Ledger::of(held, passed), desk, call: None, refused: None })
    }

    fn revision(&mut self) -> Option<Revision> {
        let counter = self.number()?;
        let (tag, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Revision { counter, tag: WriteId(*tag) })
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    /// Seven bits in each byte, the lowest first; the eighth says that there are more.
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_revision(bytes: &mut Vec<u8>, revision: Revision) {
    put_number(bytes, revision.counter);
    bytes.extend_from_slice(&revision.tag.0);
}

/// The token is in the credential already, and the name of the login in the source.
fn with_shorthand<T>(
    key: &KeyId,
    snapshot: Option<&Snapshot>,
    action: impl FnOnce(&Shorthand<'_>) -> T,
) -> T {
    let token = snapshot.map_or("", |snapshot| snapshot.credential().expose());
    let key = URL_SAFE_NO_PAD.encode(key.as_bytes());
    action(&Shorthand::new(token.as_bytes(), key.as_bytes()))
}

fn nanoseconds(time: BootTime) -> u64 {
    u64::try_from(time.since_origin().as_nanos()).unwrap_or(u64::MAX)
}

fn time(nanoseconds: u64) -> BootTime {
    BootTime::from_origin(std::time::Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use oidc_core::{
        AccessToken, Credential, Issuer, Lifetime, SavedLogin, Scopes, Secret, Subject, TokenKey, TokenSet,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::{decide::Timing, policy::RefreshPolicy, status::Origin};

    fn key() -> KeyId {
        TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id()
    }

    fn access(text: &str) -> AccessToken {
        let lifetime = Lifetime::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000), None);
        AccessToken::bearer(Secret::from(text), lifetime).unwrap()
    }

    fn snapshot(text: &str) -> Snapshot {
        let (now, policy) = (BootTime::default(), RefreshPolicy::default());
        let timing = Timing::of(&access(text), SystemTime::UNIX_EPOCH, now, true, &policy, 0);
        Snapshot::new(Credential::new(&access(text)), Origin::Store, timing, now, now)
    }

    fn any_revision() -> impl Strategy<Value = Revision> {
        (any::<u64>(), any::<[u8; 16]>()).prop_map(|(counter, tag)| Revision { counter, tag: WriteId(tag) })
    }

    fn any_payload() -> impl Strategy<Value = Payload> {
        let login = ("[!-~]{1,30}", "[!-~]{0,20}").prop_map(|(token, refresh)| {
            let tokens = TokenSet::new(access(&token)).with_refresh_token(Secret::from(refresh));
            SavedLogin::new(tokens).to_payload(&key())
        });
        // A payload that is empty is no login; the ledger gets none.
        prop_oneof![login, prop::collection::vec(any::<u8>(), 1..50).prop_map(Payload::new)]
    }

    fn any_quiet() -> impl Strategy<Value = Quiet> {
        (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>()).prop_map(
            |(next, epoch, tickets, early_rejections, closed)| Quiet {
                next_request_at: time(next),
                epoch,
                tickets,
                early_rejections,
                closed,
            },
        )
    }

    proptest! {
        // STO-07
        #[test]
        fn what_rests_comes_back_as_it_was(
            quiet in any_quiet(),
            held in prop::option::of((any_revision(), any_payload())),
            passed in prop::collection::vec_deque(any_revision(), 0..9),
            token in prop::option::of("[!-~]{1,30}"),
        ) {
            let state = State { ledger: Ledger::of(held, passed), desk: Desk::resume(quiet), ..State::default() };
            let snapshot = token.as_deref().map(snapshot);
            let bytes = write(&state, &key(), snapshot.as_ref()).unwrap();
            let read = read(&bytes, &key(), snapshot.as_ref());
            prop_assert_eq!((read.ledger, read.desk.quiet()), (state.ledger, Some(quiet)));
            prop_assert_eq!(next_request_at(&bytes), quiet.next_request_at);
        }
    }

    /// What is more than the refresh token, the scopes and the revision is what a million users cost for nothing.
    #[test]
    fn a_login_at_rest_holds_neither_its_access_token_nor_what_all_logins_have_in_common() {
        let (refresh, scopes) = ("r".repeat(60), "s".repeat(35));
        let token = "a".repeat(1_200);
        let tokens = TokenSet::new(access(&token).with_scopes(Scopes::parse(&scopes)));
        let login = SavedLogin::new(tokens.with_refresh_token(Secret::from(refresh)));
        let mut state = State::default();
        state.ledger.hold(Revision { counter: 1, tag: WriteId([7; 16]) }, login.to_payload(&key()));
        let bytes = write(&state, &key(), Some(&snapshot(&token))).unwrap();
        assert!(bytes.len() <= 60 + 35 + 50, "{}", bytes.len());
    }
}
