//! The byte form of a record, for stores that keep records as one value.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Claim, Payload, Record, Revision, StoreTime, WriteId};
use crate::{Cause, json};

const VERSION: u32 = 1;

impl Record {
    /// The versioned byte form of the record. It contains the payload as it is.
    #[expect(clippy::expect_used, reason = "the message is the proof")]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let payload = self.payload.as_ref().map(|payload| STANDARD_NO_PAD.encode(payload.as_bytes()));
        let form = Form {
            version: VERSION,
            revision: self.revision.into(),
            login: self.login.0,
            claim: self.claim.map(|claim| ClaimForm {
                attempt: claim.attempt.0,
                base: claim.base.into(),
                deadline: claim.deadline.0,
            }),
            doubt: self.doubt,
            rejected: self.rejected.map(|cause| cause.name().to_owned()),
            not_before: self.not_before.map(|time| time.0),
            payload: payload.map(Zeroizing::new),
        };
        Zeroizing::new(json::to_bytes(&form).expect("its keys are text and its writer is memory"))
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`RecordError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let Version { version } = serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)?;
        if version > VERSION {
            return Err(RecordError::Newer);
        }
        let form: Form = serde_json::from_slice(bytes).map_err(|_| RecordError::Damaged)?;
        let payload = match form.payload {
            None => None,
            Some(text) => {
                let bytes = STANDARD_NO_PAD.decode(text.as_bytes()).map_err(|_| RecordError::Damaged)?;
                Some(Payload::new(bytes))
            }
        };
        Ok(Self {
            revision: form.revision.into(),
            payload,
            login: WriteId(form.login),
            claim: form.claim.map(|claim| Claim {
                attempt: WriteId(claim.attempt),
                base: claim.base.into(),
                deadline: StoreTime(claim.deadline),
            }),
            doubt: form.doubt,
            rejected: form
                .rejected
                .map(|name| Cause::from_name(&name).ok_or(RecordError::Damaged))
                .transpose()?,
            not_before: form.not_before.map(StoreTime),
        })
    }
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordError {
    /// They are damaged, or were never a record.
    Damaged,
    /// A newer version wrote them.
    Newer,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "the record is damaged",
            Self::Newer => "a newer version wrote the record",
        })
    }
}

impl std::error::Error for RecordError {}

impl From<RecordError> for super::StoreError {
    fn from(error: RecordError) -> Self {
        let kind = match error {
            RecordError::Damaged => super::StoreErrorKind::Corrupt,
            RecordError::Newer => super::StoreErrorKind::Version,
        };
        Self::new(kind).with_source(error)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    revision: RevisionForm,
    login: [u8; 16],
    claim: Option<ClaimForm>,
    doubt: Option<u64>,
    rejected: Option<String>,
    not_before: Option<i64>,
    payload: Option<Zeroizing<String>>,
}

#[derive(Serialize, Deserialize)]
struct RevisionForm {
    counter: u64,
    tag: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct ClaimForm {
    attempt: [u8; 16],
    base: RevisionForm,
    deadline: i64,
}

impl From<Revision> for RevisionForm {
    fn from(revision: Revision) -> Self {
        Self { counter: revision.counter, tag: revision.tag.0 }
    }
}

impl From<RevisionForm> for Revision {
    fn from(form: RevisionForm) -> Self {
        Self { counter: form.counter, tag: WriteId(form.tag) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let revision = Revision { counter: 7, tag: WriteId([1; 16]) };
        Record {
            revision,
            payload: Some(Payload::new(vec![0, 255, 34])),
            login: WriteId([2; 16]),
            claim: Some(Claim { attempt: WriteId([3; 16]), base: revision, deadline: StoreTime(-5) }),
            doubt: Some(6),
            rejected: Some(Cause::RefreshOutcomeUnknown),
            not_before: Some(StoreTime(9)),
        }
    }

    #[test]
    fn a_record_comes_back_as_it_went() {
        for record in [record(), Record::default()] {
            assert_eq!(Record::from_bytes(&record.to_bytes()), Ok(record));
        }
    }

    // STO-07: every truncation is noticed
    #[test]
    fn a_cut_record_is_damaged() {
        let bytes = record().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Record::from_bytes(&bytes[..end]), Err(RecordError::Damaged), "{end}");
        }
    }

    // STO-08
    #[test]
    fn a_newer_record_is_told_from_a_damaged_one() {
        assert_eq!(Record::from_bytes(br#"{"version":2,"other":true}"#), Err(RecordError::Newer));
    }
}
