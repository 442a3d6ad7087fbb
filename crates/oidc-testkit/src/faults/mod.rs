//! Wrappers that fail on request.

mod script;
mod store;
mod transport;

pub use self::{
    store::{FaultStore, StoreFault, StoreOperation},
    transport::{FaultTransport, TransportFault},
};
