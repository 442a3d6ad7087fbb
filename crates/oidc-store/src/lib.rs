//! Token stores and store adapters for one process and one machine.

mod envelope;
#[cfg(unix)]
mod file;
mod single_process;

#[cfg(unix)]
pub use self::file::FileStore;
pub use self::single_process::SingleProcess;
