//! What goes wrong in a store.

use std::{error::Error, fmt, sync::Arc};

/// A store's fault. It never means that nobody is logged in.
#[derive(Clone)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What kind of fault a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store is too busy: try again.
    Busy,
    /// Another writer that must not share this store wrote the record.
    Conflict,
    /// The record is damaged. It was left where it is, or set aside; it was not overwritten.
    Corrupt,
    /// There is no room left.
    Full,
    /// The place where the tokens are kept is open to others.
    Insecure,
    /// The key that the record is encrypted with is not there.
    KeyUnavailable,
    /// The store cannot be reached, or did not answer in time.
    Unavailable,
    /// The record was written by a newer version.
    Version,
}

impl StoreErrorKind {
    /// Whether it may pass without anybody doing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy",
            Self::Conflict => "written by another process that does not share it",
            Self::Corrupt => "damaged record",
            Self::Full => "full",
            Self::Insecure => "open to others",
            Self::KeyUnavailable => "encryption key not available",
            Self::Unavailable => "not available",
            Self::Version => "written by a newer version",
        })
    }
}

impl StoreError {
    /// A fault of this kind.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds the cause. It must not contain payloads.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// What kind of fault it is.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token store: {}", self.kind)
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
