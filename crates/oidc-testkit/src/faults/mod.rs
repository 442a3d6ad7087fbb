//! Wrappers that fail on request.

mod every;
mod script;
mod store;
mod transport;

pub use self::{
    every::every_fault,
    store::{FaultStore, StoreFault, StoreOperation},
    transport::{FaultTransport, TransportFault},
};
