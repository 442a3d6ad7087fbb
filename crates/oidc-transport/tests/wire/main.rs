//! The transports against real sockets.

#[cfg(test)]
mod peer;
#[cfg(test)]
mod reqwest_service;
#[cfg(test)]
mod reqwest_transport;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tower_transport;
