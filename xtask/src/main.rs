//! The workspace's own commands; `cargo xtask help` explains them.
//!
//! One file per command. None of them knows the workspace's crates: they call cargo, and read what lies in the tree.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its terminal")]

mod bench;
mod cargo;
mod command;
mod deny;
mod examples;
mod lint;
mod process;
mod providers;
mod report;
mod services;
mod test;
mod tidy;
mod time;

use std::process::ExitCode;

use command::{Command, Failure, Flags};

const COMMANDS: &[Command] =
    &[bench::COMMAND, lint::COMMAND, providers::COMMAND, test::COMMAND, tidy::COMMAND];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::new("which command? `cargo xtask help` lists them"));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", command::help(COMMANDS, rest.first().map(String::as_str))?);
        return Ok(());
    }
    let command = command::find(COMMANDS, name)?;
    if rest.iter().any(|argument| matches!(argument.as_str(), "--help" | "-h")) {
        print!("{}", command::help(COMMANDS, Some(name))?);
        return Ok(());
    }
    (command.run)(&Flags::parse(command, rest)?)
}
