//! Keeps logins alive: one credential (`RefreshingSource`) or many (`TokenPool`), each refresh token spent once.

mod decide;
mod drive;
mod flight;
mod landing;
mod policy;
mod pool;
mod request;
mod shared;
mod sign;
mod snapshot;
mod source;

pub use self::{
    policy::RefreshPolicy,
    pool::{TokenPool, TokenPoolBuilder},
    source::{RefreshingSource, RefreshingSourceBuilder},
};
