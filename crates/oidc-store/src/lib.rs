//! Token stores and store adapters for one process and one machine.
//!
//! | | keeps logins | for |
//! |---|---|---|
//! | `FileStore` (on Unix) | in files that only their user can read | all processes of one machine |
//! | [`SingleProcess`] | where the three methods of your [`SimpleStore`](oidc_core::SimpleStore) put them | one process |
//! | [`Encrypted`] | in any other store, encrypted | all that use that store, and have the key |

#[cfg(feature = "encrypted")]
mod encrypted;
mod envelope;
#[cfg(unix)]
mod file;
mod single_process;

#[cfg(feature = "encrypted")]
pub use self::encrypted::{Encrypted, EncryptionKey, KeyRing};
#[cfg(unix)]
pub use self::file::FileStore;
pub use self::single_process::SingleProcess;
