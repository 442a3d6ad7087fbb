//! The servers that the tests of the stores start for themselves.

use std::process::Command as Program;

use crate::{command::Failure, process};

/// The packages whose tests need a server.
pub(crate) const PACKAGES: &[&str] = &["oidc-store-redis"];

/// Looks for the servers; the remark says what is there.
pub(crate) fn check_tools() -> Result<String, Failure> {
    let help = "install Redis; Debian has it in the packages redis-server and redis-tools";
    let version = |program: &str| {
        process::stdout_of(Program::new(program).arg("--version"))
            .map_err(|failure| Failure::new(format!("{failure}; {help}")))
    };
    version("redis-cli")?;
    let server = version("redis-server")?;
    // Redis server v=7.0.15 sha=…
    let number = server.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(format!("Redis {}", number.unwrap_or("of some version")))
}
