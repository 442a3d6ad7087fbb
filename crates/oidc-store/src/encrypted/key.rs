//! Keys, and which of them a payload was encrypted with.

use std::{fmt, path::Path, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM_SIV, RandomizedNonceKey};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use oidc_core::ConfigError;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A key of 256 bits.
///
/// Cloning it does not copy the key. It is not shown by `Debug`.
#[derive(Clone)]
pub struct EncryptionKey {
    pub(super) id: Id,
    pub(super) cipher: Arc<RandomizedNonceKey>,
}

/// Tells keys apart. It says nothing about the key that could be of use to anybody.
pub(super) type Id = [u8; 8];

impl EncryptionKey {
    /// The key with these bytes, which should be random: those of a passphrase are not.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where all of them are the same, as those of a key that was never filled in.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ConfigError> {
        let invalid = |reason| ConfigError::Invalid { field: FIELD, reason };
        if bytes.iter().all(|byte| Some(byte) == bytes.first()) {
            return Err(invalid("all bytes are the same"));
        }
        let cipher = RandomizedNonceKey::new(&AES_256_GCM_SIV, bytes)
            .map_err(|_| invalid("the cipher does not take it"))?;
        let hash = Sha256::new().chain_update(b"oidc encryption key 1").chain_update(bytes).finalize();
        let id = hash.first_chunk().copied().ok_or(invalid("it has no hash"))?;
        Ok(Self { id, cipher: Arc::new(cipher) })
    }

    /// The key in this text: base64 or base64url of 32 bytes, with padding or without. White space around it is left out. Such a
    /// key is made by `openssl rand -base64 32`.
    ///
    /// # Errors
    /// [`ConfigError`] where it is empty, not base64, or not 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, ConfigError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ConfigError::Empty { field: FIELD });
        }
        let url_safe = text.contains(['-', '_']);
        let engine = if url_safe { &URL_SAFE } else { &STANDARD };
        let invalid = |reason| ConfigError::Invalid { field: FIELD, reason };
        let bytes = Zeroizing::new(engine.decode(text).map_err(|_| invalid("not base64"))?);
        let bytes = bytes.first_chunk().filter(|_| bytes.len() == 32).ok_or(invalid("not 32 bytes"))?;
        Self::from_bytes(bytes)
    }

    /// The key in the environment variable `name`, as [`from_base64`](Self::from_base64) reads it.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] where there is no such variable, else as [`from_base64`](Self::from_base64).
    pub fn from_env(name: &str) -> Result<Self, ConfigError> {
        let text = std::env::var(name).map_err(|_| ConfigError::Missing { field: FIELD })?;
        Self::from_base64(&Zeroizing::new(text))
    }

    /// The key in the file `path`, as [`from_base64`](Self::from_base64) reads it. On Unix nobody but its owner may have access to it.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] where it cannot be read, [`ConfigError::Invalid`] where it is open to others, else as
    /// [`from_base64`](Self::from_base64).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let missing = |_| ConfigError::Missing { field: FIELD };
        let mut file = std::fs::File::open(path).map_err(missing)?;
        check_mode(&file.metadata().map_err(missing)?)?;
        // No key is longer, and whatever is, is not worth reading.
        let mut text = Zeroizing::new(String::with_capacity(LONGEST));
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        std::io::Read::read_to_string(&mut std::io::Read::take(&mut file, limit), &mut text)
            .map_err(missing)?;
        Self::from_base64(&text)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey").finish_non_exhaustive()
    }
}

/// The keys that payloads may be encrypted with. Clones share them.
#[derive(Clone, Debug)]
pub struct KeyRing(Vec<EncryptionKey>);

impl KeyRing {
    /// A ring whose key for new payloads is `key`.
    pub fn new(key: EncryptionKey) -> Self {
        Self(vec![key])
    }

    /// Adds an earlier key, with which payloads are read, not written.
    #[must_use]
    pub fn with_earlier(mut self, key: EncryptionKey) -> Self {
        self.0.push(key);
        self
    }

    pub(super) fn current(&self) -> Option<&EncryptionKey> {
        self.0.first()
    }

    pub(super) fn find(&self, id: Id) -> Option<&EncryptionKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

#[cfg(unix)]
fn check_mode(metadata: &std::fs::Metadata) -> Result<(), ConfigError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    if mode & 0o077 != 0 {
        return Err(ConfigError::Invalid { field: FIELD, reason: "its file is open to others" });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &std::fs::Metadata) -> Result<(), ConfigError> {
    Ok(())
}

const FIELD: &str = "encryption key";
const LONGEST: usize = 256;
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> [u8; 32] {
        std::array::from_fn(|number| u8::try_from((number * 7 + 200) % 256).unwrap())
    }

    // CRY-05
    #[test]
    fn a_key_is_32_bytes_of_base64_in_any_spelling() {
        let id = EncryptionKey::from_bytes(&bytes()).unwrap().id;
        for text in [
            STANDARD.encode(bytes()),
            URL_SAFE.encode(bytes()),
            STANDARD.encode(bytes()).replace('=', ""),
            format!(" {}\r\n", STANDARD.encode(bytes())),
        ] {
            assert_eq!(EncryptionKey::from_base64(&text).unwrap().id, id, "{text:?}");
        }
        for text in ["", "\n", "x", "not base64!", &STANDARD.encode(&bytes()[1..]), &STANDARD.encode([7; 32])]
        {
            assert!(EncryptionKey::from_base64(text).is_err(), "{text:?}");
        }
        assert!(matches!(EncryptionKey::from_env("NO_SUCH_KEY"), Err(ConfigError::Missing { .. })));
    }

    // CRY-05
    #[cfg(unix)]
    #[test]
    fn a_key_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, format!("{}\n", STANDARD.encode(bytes()))).unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(EncryptionKey::from_file(&path).is_ok(), taken, "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for wrong in ["", "short", &"A".repeat(10_000)] {
            std::fs::write(&path, wrong).unwrap();
            assert!(EncryptionKey::from_file(&path).is_err());
        }
        assert!(EncryptionKey::from_file(folder.path()).is_err());
        assert!(matches!(
            EncryptionKey::from_file(folder.path().join("no")),
            Err(ConfigError::Missing { .. })
        ));
    }

    // LEA-01
    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:#?}", KeyRing::new(EncryptionKey::from_bytes(&bytes()).unwrap()));
        assert_eq!(shown.matches(char::is_numeric).count(), 0, "{shown}");
    }
}
