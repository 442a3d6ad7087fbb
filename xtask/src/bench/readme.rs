//! The tables in the README.

use std::{fs, path::Path};

use super::figures::{FIGURES, Measured, number};
use crate::command::Failure;

/// The mark before the table of the figures.
pub(super) const FIGURES_BEGIN: &str = "<!-- bench: `cargo xtask bench --readme` writes what is below -->\n";
/// The mark before the table of the peers.
pub(super) const PEERS_BEGIN: &str =
    "<!-- bench: `cargo xtask bench --peers --readme` writes what is below -->\n";
/// The mark after either.
const END: &str = "<!-- bench: end -->";

/// Writes `table` between the mark `begin` of the file and the end mark after it.
pub(super) fn rewrite(path: &Path, begin: &str, table: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(failed)?;
    let marks = || Failure::new(format!("{} has no marks for the table", path.display()));
    fs::write(path, replace(&text, begin, table).ok_or_else(marks)?).map_err(failed)
}

/// The table of the figures.
pub(super) fn table(measured: &Measured) -> String {
    let mut text = String::from("| name | figure | target | measured |\n|---|---|---:|---:|\n");
    for figure in FIGURES {
        let value = measured.get(figure.name).copied().map(number).unwrap_or_default();
        text +=
            &format!("| `{}` | {} | ≤ {} | {value} |\n", figure.name, figure.what, number(figure.at_most));
    }
    text
}

fn replace(text: &str, begin: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let with = |figures: &str, peers: &str| {
            format!("before\n{FIGURES_BEGIN}{figures}{END}\nbetween\n{PEERS_BEGIN}{peers}{END}\nafter\n")
        };
        let text = with("old\n", "old\n");
        assert_eq!(replace(&text, FIGURES_BEGIN, "new\n"), Some(with("new\n", "old\n")));
        assert_eq!(replace(&text, PEERS_BEGIN, "new\n"), Some(with("old\n", "new\n")));
        assert_eq!(replace("no marks", PEERS_BEGIN, "new\n"), None);
    }

    #[test]
    fn every_figure_has_a_row() {
        let measured = [("layer_allocs".to_owned(), 0.0)].into_iter().collect();
        let text = table(&measured);
        assert!(FIGURES.iter().all(|figure| text.contains(&format!("| `{}` |", figure.name))));
        assert!(text.contains("| ≤ 0 | 0 |\n"), "{text}");
    }
}
