//! The transports against real sockets.

#[cfg(test)]
mod alone;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod endless;
#[cfg(test)]
mod identities;
#[cfg(test)]
mod names;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod reqwest_service;
#[cfg(test)]
mod reqwest_transport;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tower_transport;
