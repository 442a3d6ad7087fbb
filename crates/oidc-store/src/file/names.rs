//! What the files are called.

use oidc_core::KeyId;

const RECORD: &str = ".login";
const TEMPORARY: &str = ".new";
const DAMAGED: &str = ".damaged";

/// The file of a login.
pub(super) fn record(key: &KeyId) -> String {
    format!("{key}{RECORD}")
}

/// A file that is to become the file of a login.
pub(super) fn temporary(key: &KeyId, unique: &str) -> String {
    format!("{key}.{unique}{TEMPORARY}")
}

/// A file that was the file of a login.
pub(super) fn damaged(key: &KeyId, unique: &str) -> String {
    format!("{key}.{unique}{DAMAGED}")
}

/// The file that is locked while a login of this stripe is changed.
pub(super) fn lock(stripe: u8) -> String {
    format!("{stripe:02x}.lock")
}

pub(super) fn is_temporary(name: &[u8]) -> bool {
    name.ends_with(TEMPORARY.as_bytes())
}

/// The login whose file it is.
pub(super) fn key_of(name: &[u8]) -> Option<KeyId> {
    let hex = name.strip_suffix(RECORD.as_bytes())?;
    let (pairs, rest) = hex.as_chunks::<2>();
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(KeyId::from_bytes(bytes)).filter(|key| record(key).as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_of_a_login_is_taken_for_one() {
        let key = KeyId::from_bytes([0xa7; 32]);
        assert_eq!(key_of(record(&key).as_bytes()), Some(key));
        for other in [
            temporary(&key, "x"),
            damaged(&key, "x"),
            lock(3),
            record(&key).to_uppercase(),
            record(&key).split_off(2),
        ] {
            assert_eq!(key_of(other.as_bytes()), None, "{other}");
        }
    }
}
