//! Test doubles for OAuth 2.0 clients: a provider that rotates and misbehaves, a protected API, a manual clock, faults.

mod clock;
mod faults;

pub use self::{
    clock::ManualClock,
    faults::{FaultStore, FaultTransport, StoreFault, StoreOperation, TransportFault},
};
