//! Other programs: shown, captured, or run against a time limit. A child that is given up is killed by its handle.

use std::{
    io::{BufRead, BufReader, Read},
    iter,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use crate::{command::Failure, time::Stopwatch};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs a program on this terminal; its failure is ours.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(ended_badly(command, status)) }
}

/// Runs a program and returns what it wrote to standard output; its errors stay on the terminal.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        return Err(ended_badly(command, output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{}` wrote something that is not UTF-8", shown(command))))
}

/// Runs a program without input and returns its lines, both streams in the order in which they came.
///
/// Each line is handed to `each` as it comes. The program is killed when the limit is over. The failure then carries
/// the last lines, as it does after a bad end.
pub(crate) fn lines_within(
    command: &mut Command,
    limit: Duration,
    mut each: impl FnMut(&str),
) -> Result<Vec<String>, Failure> {
    let mut running = Running::start(command.stdin(Stdio::null()))?;
    let watch = Stopwatch::start();
    let mut lines = Vec::new();
    loop {
        let status = running.status()?;
        let news = if status.is_some() { running.rest() } else { running.lines.try_iter().collect() };
        news.iter().for_each(|line| each(line));
        lines.extend(news);
        let failure = match status {
            Some(status) if status.success() => return Ok(lines),
            Some(status) => ended_badly(command, status),
            None if watch.elapsed() > limit => {
                Failure::new(format!("`{}` ran longer than {limit:?}", shown(command)))
            }
            None => {
                thread::sleep(POLL);
                continue;
            }
        };
        return Err(with_tail(&failure, &lines));
    }
}

/// A program in the background; dropping it kills it and waits until it is gone.
pub(crate) struct Running {
    child: Child,
    /// Every line that it writes, both streams; it ends with them.
    pub(crate) lines: Receiver<String>,
}

impl Running {
    /// Starts it with both output streams piped; standard input is as the command says.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| not_started(command, &error))?;
        let (sender, lines) = channel();
        if let Some(stream) = child.stdout.take() {
            forward(stream, sender.clone());
        }
        if let Some(stream) = child.stderr.take() {
            forward(stream, sender);
        }
        Ok(Self { child, lines })
    }

    /// What is still in the pipes of a program that has ended; something that it left behind may hold them open.
    fn rest(&self) -> Vec<String> {
        iter::from_fn(|| self.lines.recv_timeout(Duration::from_secs(1)).ok()).collect()
    }

    /// How it ended; nothing while it runs.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.child.try_wait().map_err(|error| Failure::new(format!("cannot ask for a child's end: {error}")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The failure, and the last lines of what the program wrote.
pub(crate) fn with_tail(failure: &Failure, lines: &[String]) -> Failure {
    let tail = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
    Failure::new(format!("{failure}; its last lines:\n{}", tail.join("\n")))
}

fn forward(stream: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let name = program.rsplit(['/', '\\']).next().unwrap_or(&program).to_owned();
    command.get_args().fold(name, |line, argument| line + " " + &argument.to_string_lossy())
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", shown(command)))
}

fn ended_badly(command: &Command, status: ExitStatus) -> Failure {
    Failure::new(format!("`{}` ended with {status}", shown(command)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_streams_come_back() {
        let mut seen = Vec::new();
        let mut each = |line: &str| seen.push(line.to_owned());
        let script = "echo one; echo two >&2";
        let mut lines = lines_within(&mut shell(script), Duration::from_secs(10), &mut each).unwrap();
        assert_eq!(seen, lines);
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_bad_end_carries_the_last_lines() {
        let failure =
            lines_within(&mut shell("echo why; exit 3"), Duration::from_secs(10), |_| ()).err().unwrap();
        let text = failure.to_string();
        assert!(text.contains("exit status: 3") && text.ends_with("why"), "{text}");
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let watch = Stopwatch::start();
        let failure = lines_within(&mut shell("echo on; exec sleep 30"), Duration::from_millis(300), |_| ())
            .err()
            .unwrap();
        assert!(watch.elapsed() < Duration::from_secs(20));
        assert!(failure.to_string().contains("ran longer than"), "{failure}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("/no/such/program")).err().unwrap();
        assert!(failure.to_string().starts_with("cannot start `program`"), "{failure}");
    }
}
