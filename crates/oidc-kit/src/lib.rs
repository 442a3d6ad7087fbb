//! OAuth 2.0 and OpenID Connect for Rust services: one dependency, all parts re-exported by feature.
