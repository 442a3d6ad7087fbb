//! The life of a token, against a provider that forgives nothing.

mod distance;
mod events;
mod failures;
mod flight;
mod logins;
mod rejections;
mod stores;
mod support;
