//! Injective hashing of lists of strings.

use sha2::{Digest, Sha256};

/// SHA-256 over parts that are each preceded by their length, so that no two lists of parts meet.
pub(crate) struct Parts(Sha256);

impl Parts {
    /// Starts with the name of what is hashed, so that two kinds of hash never meet either.
    pub(crate) fn new(purpose: &str) -> Self {
        Self(Sha256::new()).text(purpose)
    }

    pub(crate) fn text(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }

    pub(crate) fn optional(self, part: Option<&str>) -> Self {
        match part {
            None => self.count(0),
            Some(part) => self.count(1).text(part),
        }
    }

    pub(crate) fn count(self, count: usize) -> Self {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        Self(self.0.chain_update(count.to_be_bytes()))
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn bytes(self, part: &[u8]) -> Self {
        let this = self.count(part.len());
        Self(this.0.chain_update(part))
    }
}
