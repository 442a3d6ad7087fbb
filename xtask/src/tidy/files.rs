//! What a Rust file looks like.

use super::Finding;

/// A longer file holds two ideas.
const MOST_LINES: usize = 400;

/// How unsafe code begins; the compiler forbids it where the workspace's lints hold, and this finds the rest.
const UNSAFE: &[&str] = &["unsafe {", "unsafe extern", "unsafe fn", "unsafe impl", "unsafe trait"];

/// Checks one file; what is not Rust passes.
pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let lines = content.lines().count();
    if lines > MOST_LINES {
        findings.push(Finding::new(
            path,
            format!("{lines} lines; {MOST_LINES} are the most: it holds two ideas"),
        ));
    }
    if is_library(path) && !content.starts_with("//!") {
        findings.push(Finding::new(path, "it does not start with `//!`: what is this file about?"));
    }
    for (index, line) in content.lines().enumerate() {
        if UNSAFE.iter().any(|word| line.trim_start().trim_start_matches("pub ").starts_with(word)) {
            findings.push(Finding::at(path, index, "unsafe code"));
        }
    }
    findings
}

/// Whether a file is part of a library crate: `crates/NAME/src/…`.
fn is_library(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("crates") && parts.nth(1) == Some("src")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, content: &str) -> usize {
        check(path, content).len()
    }

    #[test]
    fn a_file_of_400_lines_passes_and_one_more_does_not() {
        let longest = "//! A.\n".to_owned() + &"\n".repeat(399);
        assert_eq!(broken("crates/a/src/b.rs", &longest), 0);
        assert_eq!(broken("crates/a/src/b.rs", &(longest.clone() + "\n")), 1);
        assert_eq!(broken("tests/a.rs", &(longest.clone() + "\n")), 1);
        assert_eq!(broken("README.md", &(longest + "\n")), 0);
    }

    #[test]
    fn a_library_file_starts_with_its_documentation() {
        assert_eq!(broken("crates/a/src/deep/b.rs", "//! A.\nuse b;\n"), 0);
        assert_eq!(broken("crates/a/src/deep/b.rs", "use b;\n//! A.\n"), 1);
        assert_eq!(broken("crates/a/tests/b.rs", "use b;\n"), 0);
    }

    #[test]
    fn unsafe_code_is_found_and_talk_of_it_is_not() {
        assert_eq!(broken("tests/a.rs", "    pub unsafe fn a() {}\n    unsafe { b() }\n"), 2);
        assert_eq!(broken("tests/a.rs", "// POST is an unsafe method.\n#![forbid(unsafe_code)]\n"), 0);
    }
}
