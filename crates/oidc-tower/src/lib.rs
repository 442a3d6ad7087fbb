//! A tower layer that attaches and renews access tokens on outgoing requests.
