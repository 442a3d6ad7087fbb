//! Keeps logins alive: one credential (`RefreshingSource`) or many (`TokenPool`), each refresh token spent once.

mod decide;
mod drive;
mod flight;
mod policy;
mod pool;
mod shared;
mod sign;
mod snapshot;
mod source;

pub use self::{
    policy::RefreshPolicy,
    pool::{TokenPool, TokenPoolBuilder},
    source::{RefreshingSource, RefreshingSourceBuilder},
};
