//! How long things take. The clock ban is about the libraries; this program has no other clock to ask.
#![allow(clippy::disallowed_methods, reason = "measures the wall time of other programs")]

use std::{
    fmt,
    time::{Duration, Instant},
};

/// Counts from when it was started.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A duration as a person reads it: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) struct Readable(pub(crate) Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..10 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            seconds @ 10..60 => write!(f, "{seconds} s"),
            seconds => write!(f, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_what_matters() {
        assert_eq!(Readable(Duration::from_millis(420)).to_string(), "0.4 s");
        assert_eq!(Readable(Duration::from_millis(12_900)).to_string(), "12 s");
        assert_eq!(Readable(Duration::from_secs(185)).to_string(), "3 min 5 s");
    }
}
