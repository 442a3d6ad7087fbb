//! One line per flow: `FLOW × PROVIDER ok`, or what broke.

use std::{error::Error, fmt};

/// What has been run so far.
pub(crate) struct Report {
    provider: String,
    broken: usize,
}

impl Report {
    pub(crate) fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned(), broken: 0 }
    }

    /// Runs a flow and prints its line. One that breaks does not keep the others from running.
    pub(crate) async fn flow(&mut self, name: &str, flow: impl Future<Output = Result<(), Broken>>) {
        match flow.await {
            Ok(()) => println!("{name} × {} ok", self.provider),
            Err(Broken(reason)) => {
                self.broken += 1;
                println!("{name} × {} BROKEN: {reason}", self.provider);
            }
        }
    }

    /// Whether every flow went well.
    pub(crate) fn is_good(&self) -> bool {
        self.broken == 0
    }
}

/// What broke, in a sentence.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl Broken {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// An error of the layer, which is a box.
    pub(crate) fn boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        Self(with_causes(error.as_ref()))
    }

    /// What broke unless `fact` holds.
    pub(crate) fn unless(fact: bool, reason: impl fmt::Display) -> Result<(), Self> {
        if fact { Ok(()) } else { Err(Self(reason.to_string())) }
    }
}

impl<E: Error + 'static> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(with_causes(&error))
    }
}

fn with_causes(mut error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    while let Some(cause) = error.source() {
        text += &format!(": {cause}");
        error = cause;
    }
    text
}
