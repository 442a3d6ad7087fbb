//! Ways of winning tokens without a browser.

mod client_credentials;
mod refresh;
mod same_user;

pub use self::{client_credentials::ClientCredentialsGrant, refresh::RefreshGrant};

use oidc_core::Target;

use crate::form::Form;

/// Adds what the token is for: resources (RFC 8707) and the target's own parameters.
fn with_target(form: Form, target: &Target) -> Form {
    let form = form.and_each("resource", target.resources());
    target.parameters().fold(form, |form, (name, value)| form.and(name, value))
}
