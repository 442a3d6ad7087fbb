//! What the script answers.

use std::time::Duration;

use oidc_core::{
    Cause, Payload, StoreError, StoreErrorKind,
    store::{Claim, Record, Revision, StoreTime, WriteId},
};
use redis::Value;

/// What happened, and the record as it is then.
#[derive(Debug)]
pub(crate) struct Answer {
    what: String,
    pub(crate) time: Duration,
    exists: bool,
    pub(crate) record: Record,
}

impl Answer {
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The record, if there is one.
    pub(crate) fn row(self) -> Option<Record> {
        self.exists.then_some(self.record)
    }

    /// Reads what the script returned.
    pub(crate) fn read(value: Value) -> Result<Self, StoreError> {
        Self::parse(value).ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt))
    }

    fn parse(value: Value) -> Option<Self> {
        let Value::Array(values) = value else { return None };
        let mut values = values.into_iter();
        let what = Part(values.next()?).text()?;
        let time = Duration::from_millis(Part(values.next()?).number()?);
        let exists = Part(values.next()?).number()? == 1;
        let mut parts = values.map(Part);
        let mut next = || parts.next();
        let revision = Revision {
            counter: next()?.optional(Part::number)?.unwrap_or(0),
            tag: next()?.optional(Part::id)?.unwrap_or(WriteId::NIL),
        };
        let login = next()?.optional(Part::id)?.unwrap_or(WriteId::NIL);
        let payload = next()?.optional(Part::bytes)?.map(Payload::new);
        let (attempt, counter) = (next()?.optional(Part::id)?, next()?.optional(Part::number)?);
        let (tag, deadline) = (next()?.optional(Part::id)?, next()?.optional(Part::time)?);
        let claim = match (attempt, counter, tag, deadline) {
            (Some(attempt), Some(counter), Some(tag), Some(deadline)) => {
                Some(Claim { attempt, base: Revision { counter, tag }, deadline })
            }
            (None, None, None, None) => None,
            _ => return None,
        };
        let doubt = next()?.optional(Part::number)?;
        let rejected = next()?.optional(|part| Cause::from_name(&part.text()?))?;
        let not_before = next()?.optional(Part::time)?;
        let record = Record { revision, payload, login, claim, doubt, rejected, not_before };
        Some(Self { what, time, exists, record })
    }
}

/// One value of an answer.
struct Part(Value);

impl Part {
    /// Nothing where the field is not there; a failure where it is not what it should be.
    fn optional<T>(self, read: impl FnOnce(Self) -> Option<T>) -> Option<Option<T>> {
        if self.0 == Value::Nil { Some(None) } else { read(self).map(Some) }
    }

    fn bytes(self) -> Option<Vec<u8>> {
        match self.0 {
            Value::BulkString(bytes) => Some(bytes),
            Value::SimpleString(text) => Some(text.into_bytes()),
            _ => None,
        }
    }

    fn text(self) -> Option<String> {
        String::from_utf8(self.bytes()?).ok()
    }

    fn number(self) -> Option<u64> {
        match self.0 {
            Value::Int(number) => u64::try_from(number).ok(),
            _ => self.text()?.parse().ok(),
        }
    }

    fn time(self) -> Option<StoreTime> {
        self.text()?.parse().ok().map(StoreTime)
    }

    fn id(self) -> Option<WriteId> {
        let text = self.text()?;
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| is_hex)?;
        Some(WriteId(number.to_be_bytes()))
    }
}

/// How an identifier is written.
pub(crate) fn hex(id: WriteId) -> Vec<u8> {
    format!("{:032x}", u128::from_be_bytes(id.0)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn answer() -> Vec<Value> {
        let id = "0123456789abcdef0123456789abcdef";
        let head = vec![bulk("busy"), Value::Int(7), Value::Int(1)];
        let record =
            ["3", id, id, "tokens", id, "3", id, "1700000000000", "2", "grant_rejected", "5"].map(bulk);
        head.into_iter().chain(record).collect()
    }

    #[test]
    fn a_whole_record_is_read() {
        let answer = Answer::read(Value::Array(answer())).unwrap();
        assert_eq!((answer.what(), answer.time), ("busy", Duration::from_millis(7)));
        let record = answer.row().unwrap();
        assert_eq!(record.revision.counter, 3);
        assert_eq!(hex(record.revision.tag), b"0123456789abcdef0123456789abcdef");
        assert_eq!(record.claim.unwrap().deadline, StoreTime(1_700_000_000_000));
        assert_eq!((record.doubt, record.rejected), (Some(2), Some(Cause::GrantRejected)));
    }

    // STO-07
    #[test]
    fn whatever_is_not_a_record_is_damaged() {
        for number in 0..answer().len() {
            for wrong in [Value::Array(Vec::new()), bulk("\u{0}wrong"), Value::Double(0.5)] {
                let mut values = answer();
                values[number] = wrong.clone();
                // A payload may be any bytes, and what happened any word.
                let may_be_text = [0, 6].contains(&number) && wrong == bulk("\u{0}wrong");
                assert_eq!(Answer::read(Value::Array(values)).is_ok(), may_be_text, "{number}: {wrong:?}");
            }
            let mut values = answer();
            values.truncate(number);
            assert!(Answer::read(Value::Array(values)).is_err(), "{number}");
        }
        let mut half_a_claim = answer();
        half_a_claim[9] = Value::Nil;
        for value in [Value::Nil, Value::Int(1), bulk("text"), Value::Array(half_a_claim)] {
            assert!(Answer::read(value).is_err());
        }
    }
}
