//! What is saved: a record, who wrote it in what time, and when.

use std::time::{Duration, SystemTime};

use oidc_core::{
    Clock, KeyId, StoreError, StoreErrorKind,
    store::{Claim, Record, StoreTime, WriteId},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A saved record.
///
/// In bytes: `oidc`, a version, a SHA-256 hash, the era, the two times as big-endian numbers, the
/// record. The hash covers all else and the key, so that damage and a record in the wrong place are noticed.
/// It proves nothing against somebody who can write to the store.
#[derive(Debug)]
pub(super) struct Envelope {
    /// For how long the writer's clock meant anything: while an instance ran, or a machine was up.
    pub(super) era: WriteId,
    pub(super) written: Moment,
    pub(super) record: Record,
    pub(super) hash: Hash,
}

pub(super) type Hash = [u8; 32];

const MAGIC: &[u8] = b"oidc";
const VERSION: u8 = 1;

impl Envelope {
    /// The bytes to save.
    pub(super) fn seal(key: &KeyId, era: WriteId, now: Moment, record: &Record) -> Zeroizing<Vec<u8>> {
        let record = record.to_bytes();
        let head = [&era.0[..], &now.store.0.to_be_bytes(), &now.wall.to_be_bytes()].concat();
        let hash = hash(key, &head, &record);
        // One allocation of the right size, because one that grows leaves copies behind.
        let mut bytes = Vec::with_capacity(MAGIC.len() + 1 + hash.len() + head.len() + record.len());
        for part in [MAGIC, &[VERSION], &hash, &head, &record] {
            bytes.extend_from_slice(part);
        }
        Zeroizing::new(bytes)
    }

    /// Reads what [`seal`](Self::seal) wrote for this key.
    pub(super) fn open(key: &KeyId, bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = || StoreError::new(StoreErrorKind::Corrupt);
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let (&version, rest) = rest.split_first().ok_or_else(damaged)?;
        if version > VERSION {
            return Err(StoreError::new(StoreErrorKind::Version));
        }
        let (&saved_hash, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (head, record) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
        if version != VERSION || hash(key, head, record) != saved_hash {
            return Err(damaged());
        }
        let (&era, times) = head.split_first_chunk().ok_or_else(damaged)?;
        let (&store, times) = times.split_first_chunk().ok_or_else(damaged)?;
        let (&wall, _) = times.split_first_chunk().ok_or_else(damaged)?;
        let written = Moment { store: StoreTime(i64::from_be_bytes(store)), wall: i64::from_be_bytes(wall) };
        Ok(Self { era: WriteId(era), written, record: Record::from_bytes(record)?, hash: saved_hash })
    }

    /// The record in another era than its own: its claim counts as run out, which leaves doubt behind as the rules say; of a
    /// back-off there is left what the wall clock says, and never more than there was.
    pub(super) fn inherited(self, now: Moment) -> Record {
        let Self { written, mut record, .. } = self;
        record.claim = record.claim.map(|claim| Claim { deadline: StoreTime(i64::MIN), ..claim });
        record.not_before = record.not_before.map(|not_before| {
            let was_left = not_before.since(written.store);
            let passed = StoreTime(now.wall).since(StoreTime(written.wall));
            now.store.after(was_left.saturating_sub(passed))
        });
        record
    }
}

/// One moment on two clocks: that of the store, which means nothing in another era, and the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) store: StoreTime,
    /// Milliseconds since 1970.
    pub(super) wall: i64,
}

impl Moment {
    pub(super) fn now(clock: &dyn Clock) -> Self {
        let since_1970 = clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            store: StoreTime(0).after(clock.boot().since_origin()),
            wall: StoreTime(0).after(since_1970).0,
        }
    }
}

fn hash(key: &KeyId, head: &[u8], record: &[u8]) -> Hash {
    let hasher = Sha256::new().chain_update(b"oidc saved record 1").chain_update(key.as_bytes());
    hasher.chain_update(head).chain_update(record).finalize().into()
}

#[cfg(test)]
mod tests {
    use oidc_core::{Issuer, Payload, Subject, TokenKey};

    use super::*;

    fn key(client: &str) -> KeyId {
        TokenKey::new(Issuer::new("https://id.example").unwrap(), client, Subject::App).id()
    }

    fn sealed() -> Zeroizing<Vec<u8>> {
        let now = Moment { store: StoreTime(-3), wall: 1_700_000_000_000 };
        let record = Record { payload: Some(Payload::new(vec![7; 100])), ..Record::default() };
        Envelope::seal(&key("app"), WriteId([9; 16]), now, &record)
    }

    #[test]
    fn a_record_comes_back_with_who_wrote_it_and_when() {
        let envelope = Envelope::open(&key("app"), &sealed()).unwrap();
        assert_eq!(envelope.era, WriteId([9; 16]));
        assert_eq!(envelope.written, Moment { store: StoreTime(-3), wall: 1_700_000_000_000 });
        assert_eq!(envelope.record.payload, Some(Payload::new(vec![7; 100])));
    }

    // STO-07
    #[test]
    fn every_bit_and_every_cut_is_noticed() {
        let bytes = sealed();
        for end in 0..bytes.len() {
            let error = Envelope::open(&key("app"), &bytes[..end]).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{end}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open(&key("app"), &bytes).is_err(), "{bit}");
        }
    }

    // STO-12
    #[test]
    fn a_record_in_the_wrong_place_is_damaged() {
        let error = Envelope::open(&key("other"), &sealed()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    }

    // STO-08
    #[test]
    fn a_newer_form_is_told_from_a_damaged_one() {
        let mut bytes = sealed();
        bytes[4] = 2;
        assert_eq!(Envelope::open(&key("app"), &bytes).unwrap_err().kind(), StoreErrorKind::Version);
    }
}
