//! What a command is, how its flags are read, and how it is explained.

use std::fmt;

/// One command of `cargo xtask`.
pub(crate) struct Command {
    /// What it is called by.
    pub(crate) name: &'static str,
    /// One line for the list.
    pub(crate) summary: &'static str,
    /// What it does, step by step, and what it needs.
    pub(crate) details: &'static str,
    /// Its flags, each with what it changes. One that does not begin with a dash stands for names that may be given.
    pub(crate) flags: &'static [(&'static str, &'static str)],
    /// Does it.
    pub(crate) run: fn(&Flags) -> Result<(), Failure>,
}

/// The flags that were given; each is known to be one of the command's.
pub(crate) struct Flags(Vec<String>);

impl Flags {
    /// Reads what follows the command's name.
    pub(crate) fn parse(command: &Command, given: &[String]) -> Result<Self, Failure> {
        let takes_names = command.flags.iter().any(|(flag, _)| !flag.starts_with('-'));
        let is_known = |flag: &str| match flag.starts_with('-') {
            true => command.flags.iter().any(|(known, _)| *known == flag) || (takes_names && flag == "--"),
            false => takes_names,
        };
        match given.iter().find(|flag| !is_known(flag)) {
            None => Ok(Self(given.to_vec())),
            Some(unknown) => Err(Failure::new(format!(
                "`{name}` knows no `{unknown}`; `cargo xtask help {name}` explains it",
                name = command.name
            ))),
        }
    }

    /// Whether the flag was given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|given| given == flag)
    }

    /// The names that were given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|given| !given.starts_with('-'))
    }
}

/// Why a command ended without success, in words for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The same failure, with what was being done in front.
    pub(crate) fn during(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The command of that name.
pub(crate) fn find<'c>(commands: &'c [Command], name: &str) -> Result<&'c Command, Failure> {
    commands
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| Failure::new(format!("no command `{name}`; `cargo xtask help` lists them")))
}

/// The help text: of one command, or the list of all with what each does.
pub(crate) fn help(commands: &[Command], name: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = name {
        return Ok(explain(find(commands, name)?));
    }
    let mut text =
        String::from("The workspace's own commands.\n\nUsage: cargo xtask COMMAND [FLAGS]\n\nCommands:\n");
    for command in commands {
        text += &format!("  {:<12}{}\n", command.name, command.summary);
    }
    text += &format!("  {:<12}This list; `help COMMAND` explains one\n", "help");
    for command in commands {
        text += &format!("\n{}", explain(command));
    }
    Ok(text)
}

fn explain(command: &Command) -> String {
    let flags: String = command.flags.iter().map(|(flag, _)| format!(" [{flag}]")).collect();
    let mut text = format!("cargo xtask {}{flags}\n", command.name);
    for line in command.details.trim().lines() {
        text += format!("    {line}").trim_end();
        text.push('\n');
    }
    for (flag, meaning) in command.flags {
        text += &format!("    {flag:<10}{meaning}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Command = Command {
        name: "paint",
        summary: "Paints the house",
        details: "Needs a brush.\n\nAnd paint.",
        flags: &[("--red", "in red")],
        run: |_| Ok(()),
    };

    #[test]
    fn help_names_every_command_and_flag() {
        let text = help(&[PAINT], None).unwrap();
        assert!(text.contains("paint       Paints the house"));
        assert!(text.contains(
            "cargo xtask paint [--red]\n    Needs a brush.\n\n    And paint.\n    --red     in red\n"
        ));
    }

    #[test]
    fn a_known_flag_is_read() {
        let flags = Flags::parse(&PAINT, &["--red".to_owned()]).unwrap();
        assert!(flags.has("--red"));
        assert!(!Flags::parse(&PAINT, &[]).unwrap().has("--red"));
    }

    #[test]
    fn names_are_read_where_a_command_takes_them() {
        let given = ["--".to_owned(), "blue".to_owned()];
        assert!(Flags::parse(&PAINT, &given).is_err());
        let named = Command { flags: &[("COLOUR...", "in these colours")], ..PAINT };
        let flags = Flags::parse(&named, &given).unwrap();
        assert_eq!(flags.names().collect::<Vec<_>>(), ["blue"]);
    }

    #[test]
    fn what_is_unknown_is_an_error_that_says_where_to_look() {
        let flag = Flags::parse(&PAINT, &["--blue".to_owned()]).err().unwrap();
        assert!(flag.to_string().contains("cargo xtask help paint"));
        let name = find(&[PAINT], "print").err().unwrap();
        assert!(name.to_string().contains("no command `print`"));
        assert!(help(&[PAINT], Some("print")).is_err());
    }
}
