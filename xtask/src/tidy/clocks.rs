//! Who may read the time. `clippy.toml` bans the functions; this keeps the ban from being lifted elsewhere.

use super::Finding;

/// The system clock, and the stopwatch of this program.
const MAY_LIFT: &[&str] = &["crates/oidc-core/src/clock.rs", "xtask/src/time.rs"];

/// The lint that an attribute would have to name.
const LINT: &str = concat!("clippy::", "disallowed_methods");

/// Checks one file; what is not Rust passes.
pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") || MAY_LIFT.contains(&path) {
        return Vec::new();
    }
    let lines = content.lines().enumerate().filter(|(_, line)| line.contains(LINT));
    lines
        .map(|(index, _)| Finding::at(path, index, "lifts the ban on reading the time: ask a `Clock`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clocks_own_files_lift_the_ban() {
        let lifted = format!("//! A.\n#![allow({LINT})]\n");
        assert_eq!(check("crates/oidc-core/src/clock.rs", &lifted), []);
        assert_eq!(check("README.md", &lifted), []);
        assert_eq!(check("crates/oidc-core/src/source.rs", "//! Asks the clock.\n"), []);
        let found = check("crates/oidc-refresh/src/flight.rs", &lifted);
        assert_eq!(
            found.first().map(|finding| finding.place.as_str()),
            Some("crates/oidc-refresh/src/flight.rs:2")
        );
    }
}
