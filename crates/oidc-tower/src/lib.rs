//! A tower layer that attaches and renews access tokens on outgoing requests.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod answer;
mod authenticate;
mod challenge;
mod existing;
mod future;
mod layer;
mod origins;
mod replay;
mod resend;
mod service;
mod source;

/// The error of the layer's service: the client's own, or one of those that the [front page](crate) lists.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub use self::{
    challenge::Challenge,
    existing::{ExistingHeader, RequestError},
    future::ResponseFuture,
    layer::BearerLayer,
    origins::Origins,
    replay::{Replay, ReplayClone, ReplayEmpty, ReplayNever, SendOnce},
    service::Bearer,
    source::{PerRequest, UseSource},
};
