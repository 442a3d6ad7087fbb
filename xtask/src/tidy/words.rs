//! Words that no text of the tree contains.
//!
//! Every word stands here in two pieces, so that this file keeps its own rules.

use super::Finding;

/// Unfinished work: allowed where the line names an issue (`#12`), so that it is not forgotten.
const UNFINISHED: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Code that is not there, and tests that do not run.
const SWITCHED_OFF: &[&str] =
    &[concat!("to", "do!("), concat!("un", "implemented!("), concat!("#[ig", "nore")];

/// What somebody who clones the repository does not have, and would look for in vain.
const UNKNOWN_PLACES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("/ro", "ot/"),
    concat!("desi", "gn.md"),
    concat!("openidconnect-", "facts.md"),
    concat!("rp-", "plans.md"),
    concat!("security-", "cases.md"),
    concat!("store-", "contract.md"),
    concat!("as an ", "ai "),
    concat!("coding ", "agent"),
    concat!("this ", "sandbox"),
    concat!("this ", "session"),
    concat!("work", "place"),
];

/// Checks one text file; what tools write for themselves passes.
pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if matches!(name, "Cargo.lock" | "package-lock.json") {
        return Vec::new();
    }
    let lines = content.lines().enumerate();
    lines.flat_map(|(index, line)| broken(line).map(move |what| Finding::at(path, index, what))).collect()
}

fn broken(line: &str) -> impl Iterator<Item = String> + '_ {
    let small = line.to_lowercase();
    let unfinished = UNFINISHED.iter().filter(|word| has_word(line, word) && !names_issue(line));
    let unfinished = unfinished.map(|word| format!("`{word}` without the number of an issue"));
    let off = SWITCHED_OFF.iter().filter(|word| line.contains(**word));
    let off = off.map(|word| format!("`{word}`: finish it or leave it out"));
    let fence = is_ignored_fence(line)
        .then(|| "an example that nobody compiles; `no_run` if it needs a network".to_owned());
    let unknown = UNKNOWN_PLACES.iter().filter(move |word| small.contains(**word));
    let unknown = unknown.map(|word| format!("`{word}` means nothing to somebody who clones the repository"));
    unfinished.chain(off).chain(fence).chain(unknown)
}

/// Whether the word stands alone in the line: with no letter, digit or underscore at its sides.
fn has_word(line: &str, word: &str) -> bool {
    let joins = |side: Option<char>| side.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(start, _)| {
        let (before, after) = (line.get(..start), line.get(start + word.len()..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        !joins(before.chars().next_back()) && !joins(after.chars().next())
    })
}

/// Whether the line names an issue: `#` and a digit.
fn names_issue(line: &str) -> bool {
    line.match_indices('#')
        .any(|(at, _)| line.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
}

/// Whether the line opens a block of code that rustdoc is told to pass over.
fn is_ignored_fence(line: &str) -> bool {
    let line = line.trim_start_matches(['/', '!', ' ', '\t']);
    let Some(info) = line.strip_prefix("```") else { return false };
    info.split(',').any(|word| word.trim().starts_with("ignore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(line: &str) -> usize {
        check("a/b.rs", line).len()
    }

    #[test]
    fn unfinished_work_needs_an_issue() {
        for word in UNFINISHED {
            assert_eq!(number(&format!("// {word}: later")), 1, "{word}");
            assert_eq!(number(&format!("// {word}(#12): later")), 0, "{word}");
            assert_eq!(number(&format!("let a{word}b = 1;")), 0, "{word}");
        }
    }

    #[test]
    fn what_is_switched_off_is_found() {
        for word in SWITCHED_OFF {
            assert_eq!(number(&format!("    {word})")), 1, "{word}");
        }
        assert_eq!(number("#[expect(dead_code)] // unimplemented by servers"), 0);
    }

    #[test]
    fn an_ignored_example_is_found() {
        let fence = "`".repeat(3);
        assert_eq!(number(&format!("/// {fence}ignore")), 1);
        assert_eq!(number(&format!("//! {fence}rust,ignore")), 1);
        assert_eq!(number(&format!("{fence}no_run")), 0);
        assert_eq!(number(&format!("{fence}text")), 0);
        assert_eq!(number("Servers ignore it."), 0);
    }

    #[test]
    fn places_that_a_stranger_does_not_have_are_found() {
        for word in UNKNOWN_PLACES {
            assert_eq!(number(&format!("See {}now.", word.to_uppercase())), 1, "{word}");
        }
        assert_eq!(number("The session of this user; its framework; the design."), 0);
    }

    #[test]
    fn the_line_is_named_and_lock_files_pass() {
        let text = format!("fine\n{}", concat!("FIX", "ME"));
        let found = check("docs/a.md", &text);
        assert_eq!(found.first().map(|finding| finding.place.as_str()), Some("docs/a.md:2"));
        assert_eq!(check("xtask/providers/package-lock.json", &text), []);
    }
}
