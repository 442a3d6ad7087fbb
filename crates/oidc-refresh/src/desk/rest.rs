//! The desk while nobody is there.

use oidc_core::BootTime;

use super::{Desk, Mode, Trouble};

/// All that there is to know of a desk where nothing is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub(crate) next_request_at: BootTime,
    pub(crate) epoch: u32,
    pub(crate) tickets: u32,
    pub(crate) early_rejections: u32,
    pub(crate) closed: bool,
}

impl<E> Desk<E> {
    /// All of it, where nothing is going on: no flight, no failure, no sign-out.
    pub(crate) fn quiet(&self) -> Option<Quiet> {
        let &Self { mode, unsaved: false, epoch, tickets, flight: None, next_request_at, ref trouble } = self
        else {
            return None;
        };
        let early_rejections = match trouble.as_deref() {
            None => 0,
            Some(&Trouble { failure: None, failures: 0, early_rejections }) => early_rejections,
            Some(_) => return None,
        };
        let closed = mode == Mode::Closed;
        let quiet = Quiet { next_request_at, epoch, tickets, early_rejections, closed };
        (mode != Mode::SigningOut).then_some(quiet)
    }

    /// The desk that was quiet.
    pub(crate) fn resume(quiet: Quiet) -> Self {
        let Quiet { next_request_at, epoch, tickets, early_rejections, closed } = quiet;
        let mode = if closed { Mode::Closed } else { Mode::Open };
        let trouble = Trouble { failure: None, failures: 0, early_rejections };
        let trouble = trouble.is_something().then(|| Box::new(trouble));
        Self { mode, epoch, tickets, next_request_at, trouble, ..Self::default() }
    }
}
