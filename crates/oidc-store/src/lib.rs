//! Token stores and store adapters for one process and one machine.

mod single_process;

pub use self::single_process::SingleProcess;
