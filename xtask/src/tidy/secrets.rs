//! What examples and documents show by their example: secrets are not printed, and no library starts a program with arguments.

use super::Finding;

/// What puts text where people or logs see it.
const SHOWS: &[&str] =
    &["print!", "println!", "eprint!", "eprintln!", "trace!", "debug!", "info!", "warn!", "error!"];

/// What hands out a secret's text.
const TEXT: &str = ".expose()";

/// Starts a program, whose arguments everybody on the machine can list.
const STARTS: &str = "process::Command";

// LEA-09, LEA-12
/// Checks one file: examples, documents, and the sources of the libraries with their documentation.
pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    let is_source = path.starts_with("crates/") && path.contains("/src/") && path.ends_with(".rs");
    if !is_source && !path.starts_with("examples/") && !path.ends_with(".md") {
        return Vec::new();
    }
    let shows = |line: &str| line.contains(TEXT) && SHOWS.iter().any(|name| line.contains(name));
    let mut findings = Vec::new();
    for (index, line) in content.lines().enumerate() {
        if shows(line) {
            findings.push(Finding::at(path, index, "shows a secret"));
        }
        if is_source && line.contains(STARTS) {
            findings.push(Finding::at(path, index, "starts a program: its arguments are no secret"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed_where_people_learn_from() {
        let line = "let a = 1;\nprintln!(\"{}\", token.expose());\n";
        for path in ["examples/quickstart/main.rs", "README.md", "crates/oidc-core/src/lib.rs"] {
            let found = check(path, line);
            assert_eq!(found.first().map(|finding| finding.place.clone()), Some(format!("{path}:2")));
        }
        assert_eq!(check("tests/security/types.rs", line), []);
        assert_eq!(check("README.md", "client.header(token.expose())"), []);
    }

    #[test]
    fn libraries_start_no_programs() {
        let line = "use std::process::Command;\n";
        assert_eq!(check("crates/oidc-flow/src/login/start.rs", line).len(), 1);
        assert_eq!(check("crates/oidc-store-redis/tests/redis/server.rs", line), []);
    }
}
