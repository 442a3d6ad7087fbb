//! Keys, algorithms and the compact form of signed tokens (RFC 7515, 7517, 7518, 8037).

mod algorithm;

pub use self::algorithm::{SigningAlgorithm, UnknownAlgorithm};
