//! The life of a token, against a provider that forgives nothing.

mod clocks;
mod distance;
mod events;
mod failures;
mod flight;
mod logins;
#[cfg(feature = "metrics")]
mod metrics;
mod pool;
#[cfg(feature = "metrics")]
mod recorder;
mod reference;
mod rejections;
mod spans;
mod stores;
mod support;
