//! The calls of the system at which an operation can end, so that tests can let each of them fail.

use rustix::io::Result;

/// A call of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Read,
    Create,
    Write,
    Sync,
    Rename,
    Settle,
}

/// Asked before each call. Outside of tests it has nothing to say.
#[derive(Debug, Default)]
pub(super) struct Steps {
    #[cfg(test)]
    pub(super) fail_next: std::sync::Mutex<Option<(Step, rustix::io::Errno)>>,
}

impl Steps {
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "in tests it is used")]
    pub(super) fn at(&self, _: Step) -> Result<()> {
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn at(&self, step: Step) -> Result<()> {
        let mut next = self.fail_next.lock().unwrap();
        match *next {
            Some((at, error)) if at == step => {
                *next = None;
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
