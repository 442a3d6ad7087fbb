//! How a payload is encrypted.
//!
//! In bytes: `oidc-enc`, a version, the id of the key, the nonce, the encrypted payload with its tag.

use aws_lc_rs::aead::{Aad, Nonce};
use oidc_core::{KeyId, Payload, StoreError, StoreErrorKind, store::Revision};
use zeroize::Zeroizing;

use super::key::{Id, KeyRing};

const MAGIC: &[u8] = b"oidc-enc";
const VERSION: u8 = 1;
const NONCE: usize = 12;

/// Encrypts `payload` for one revision of one login.
pub(super) fn seal(
    keys: &KeyRing,
    key: &KeyId,
    revision: Revision,
    payload: &Payload,
) -> Result<Payload, StoreError> {
    let unavailable = || StoreError::new(StoreErrorKind::KeyUnavailable);
    let current = keys.current().ok_or_else(unavailable)?;
    let mut bytes = Zeroizing::new(payload.as_bytes().to_vec());
    let context = context(current.id, key, revision);
    let nonce = current
        .cipher
        .seal_in_place_append_tag(Aad::from(&context), &mut *bytes)
        .map_err(|_| unavailable())?;
    let parts: [&[u8]; 5] = [MAGIC, &[VERSION], &current.id, nonce.as_ref(), &bytes];
    Ok(Payload::new(parts.concat()))
}

/// Decrypts what [`seal`] made for the same revision of the same login.
pub(super) fn open(
    keys: &KeyRing,
    key: &KeyId,
    revision: Revision,
    sealed: &Payload,
    plain: bool,
) -> Result<Payload, StoreError> {
    let damaged = || StoreError::new(StoreErrorKind::Corrupt);
    let Some(rest) = sealed.as_bytes().strip_prefix(MAGIC) else {
        return if plain { Ok(sealed.clone()) } else { Err(damaged()) };
    };
    let (&version, rest) = rest.split_first().ok_or_else(damaged)?;
    if version != VERSION {
        let kind = if version > VERSION { StoreErrorKind::Version } else { StoreErrorKind::Corrupt };
        return Err(StoreError::new(kind));
    }
    let (&id, rest) = rest.split_first_chunk::<{ size_of::<Id>() }>().ok_or_else(damaged)?;
    let (&nonce, text) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
    let found = keys.find(id).ok_or_else(|| StoreError::new(StoreErrorKind::KeyUnavailable))?;
    let mut text = Zeroizing::new(text.to_vec());
    let context = context(id, key, revision);
    let opened = found.cipher.open_in_place(Nonce::from(&nonce), Aad::from(&context), &mut text);
    Ok(Payload::new(opened.map_err(|_| damaged())?.to_vec()))
}

/// What is authenticated with the payload. All parts have a fixed length, so that no two contexts are the same bytes.
fn context(id: Id, key: &KeyId, revision: Revision) -> Vec<u8> {
    let counter = revision.counter.to_be_bytes();
    let parts: [&[u8]; 6] = [MAGIC, &[VERSION], &id, key.as_bytes(), &counter, &revision.tag.0];
    parts.concat()
}
