//! Speaks to OAuth 2.0 and OpenID Connect providers: discovery, login, grants, ID tokens, logout.

mod id_token;
mod jose;
mod json;
pub mod provider;

pub use self::{
    id_token::{IdTokenClaims, IdTokenError},
    jose::{SigningAlgorithm, UnknownAlgorithm},
};
