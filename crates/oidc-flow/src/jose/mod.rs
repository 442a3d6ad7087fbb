//! Keys, algorithms and the compact form of signed tokens (RFC 7515, 7517, 7518, 8037).

mod algorithm;
mod compact;
mod header;
mod key;
mod key_set;
mod material;
#[cfg(test)]
pub(crate) mod signing;

pub use self::algorithm::{SigningAlgorithm, UnknownAlgorithm};
pub(crate) use self::{
    compact::{Compact, CompactError},
    header::{Header, HeaderError},
    key::Key,
    key_set::KeySet,
};
