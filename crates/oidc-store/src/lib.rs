//! Token stores and store adapters for one process and one machine.
