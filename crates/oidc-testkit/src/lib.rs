//! Test doubles for OAuth 2.0 clients: a provider that rotates and misbehaves, a protected API, a manual clock, faults.
