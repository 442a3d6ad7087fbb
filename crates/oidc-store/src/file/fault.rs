//! What the errors of the system mean.

use oidc_core::{StoreError, StoreErrorKind};
use rustix::io::Errno;

/// A call of the system failed. Names the call, and no path: the directory is known, and the file is a hash.
pub(super) fn system(call: &'static str, error: Errno) -> StoreError {
    let kind = match error {
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => StoreErrorKind::Full,
        // A link where a file or directory should be.
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => StoreErrorKind::Insecure,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind).with_source(format!("{call}: {error}"))
}

/// Others could read or replace what is kept.
pub(super) fn insecure(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Insecure).with_source(what)
}
