//! What the errors of the client and the server mean.

use oidc_core::{StoreError, StoreErrorKind};
use redis::{ErrorKind, RedisError};

/// The error of an operation. Keeps the server's code, not its words: those of a script's failure may repeat arguments.
pub(crate) fn fault(error: &RedisError) -> StoreError {
    let code = error.code().unwrap_or_default();
    let kind = match (error.kind(), code) {
        (_, "OOM") => StoreErrorKind::Full,
        (_, "WRONGTYPE") => StoreErrorKind::Corrupt,
        (_, "BUSY" | "TRYAGAIN") => StoreErrorKind::Busy,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind).with_source(reason(error, code))
}

fn reason(error: &RedisError, code: &str) -> String {
    match error.kind() {
        ErrorKind::Io if error.is_timeout() => "the server did not answer in time".to_owned(),
        ErrorKind::Io => "no connection to the server".to_owned(),
        ErrorKind::AuthenticationFailed => "the server refuses user and password".to_owned(),
        kind if code.is_empty() => format!("{kind:?}"),
        _ => format!("the server says {code}"),
    }
}

/// Too few replicas confirmed a write: it may survive a fail-over or not.
pub(crate) fn too_few_replicas() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable).with_source("too few replicas confirmed the write")
}
