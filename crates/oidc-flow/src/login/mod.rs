//! Logging a user in: Authorization Code with PKCE.

mod callback;
mod finish;
mod pending;
mod pkce;
mod prompt;
mod refusal;
mod request;
mod start;

pub use self::{
    callback::Callback,
    finish::Session,
    pending::{CheckedCallback, PendingLogin},
    prompt::Prompt,
    refusal::Refusal,
    request::LoginRequest,
    start::LoginStart,
};
