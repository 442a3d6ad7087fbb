//! The parts of a command: each is announced and timed, the first that fails ends it, a summary closes it.

use std::time::Duration;

use crate::{
    command::Failure,
    time::{Readable, Stopwatch},
};

/// What has been done so far.
pub(crate) struct Report {
    command: &'static str,
    done: Vec<(String, Duration, String)>,
}

impl Report {
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, done: Vec::new() }
    }

    /// Does one part; `work` returns a remark for the summary, empty where there is nothing to say.
    pub(crate) fn part(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<(), Failure> {
        println!("\n── {} · {name}", self.command);
        let watch = Stopwatch::start();
        let remark =
            work().map_err(|failure| failure.during(format!("{} failed at {name}", self.command)))?;
        self.done.push((name.to_owned(), watch.elapsed(), remark));
        Ok(())
    }

    /// Prints the summary: every part is through.
    pub(crate) fn finish(self) {
        print!("{}", self.summary());
    }

    fn summary(&self) -> String {
        let width = self.done.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        let mut text = format!("\n── {} · summary\n", self.command);
        for (name, took, remark) in &self.done {
            let line = format!("   {name:<width$}  {:>11}  {remark}", Readable(*took).to_string());
            text += line.trim_end();
            text.push('\n');
        }
        text + &format!("{}: ok\n", self.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_lists_parts_with_their_remarks() {
        let mut report = Report::new("lint");
        report.part("fmt", || Ok(String::new())).unwrap();
        report.part("advisories", || Ok("skipped".to_owned())).unwrap();
        let text = report.summary();
        assert!(text.contains("   fmt               0.0 s\n"), "{text}");
        assert!(text.contains("   advisories        0.0 s  skipped\n"), "{text}");
        assert!(text.ends_with("lint: ok\n"), "{text}");
    }

    #[test]
    fn a_failure_names_the_command_and_the_part() {
        let mut report = Report::new("lint");
        let failure = report.part("fmt", || Err(Failure::new("two files"))).err().unwrap();
        assert_eq!(failure.to_string(), "lint failed at fmt: two files");
    }
}
