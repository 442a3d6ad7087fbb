//! HTTP transports: over reqwest and over any tower service; adapters for reqwest clients.
