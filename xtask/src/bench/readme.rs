//! The table in the README.

use std::{fs, path::Path};

use super::figures::{FIGURES, Measured, number};
use crate::command::Failure;

const BEGIN: &str = "<!-- bench: `cargo xtask bench --readme` writes what is below -->\n";
const END: &str = "<!-- bench: end -->";

/// Writes `measured` between the two marks of the file.
pub(crate) fn rewrite(path: &Path, measured: &Measured) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(failed)?;
    let marks = || Failure::new(format!("{} has no marks for the table", path.display()));
    fs::write(path, replace(&text, &table(measured)).ok_or_else(marks)?).map_err(failed)
}

fn table(measured: &Measured) -> String {
    let mut text = String::from("| name | figure | target | measured |\n|---|---|---:|---:|\n");
    for figure in FIGURES {
        let value = measured.get(figure.name).copied().map(number).unwrap_or_default();
        text +=
            &format!("| `{}` | {} | ≤ {} | {value} |\n", figure.name, figure.what, number(figure.at_most));
    }
    text
}

fn replace(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let text = format!("before\n{BEGIN}old\n{END}\nafter\n");
        assert_eq!(replace(&text, "new\n"), Some(format!("before\n{BEGIN}new\n{END}\nafter\n")));
        assert_eq!(replace("no marks", "new\n"), None);
    }

    #[test]
    fn every_figure_has_a_row() {
        let measured = [("layer_allocs".to_owned(), 0.0)].into_iter().collect();
        let text = table(&measured);
        assert!(FIGURES.iter().all(|figure| text.contains(&format!("| `{}` |", figure.name))));
        assert!(text.contains("| ≤ 0 | 0 |\n"), "{text}");
    }
}
