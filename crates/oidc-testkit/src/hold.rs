//! A gate at which requests wait until the test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// Holds requests until the test lets them go, without any time passing. Clones are one gate.
///
/// ```
/// use oidc_testkit::{Endpoint, Fault, Hold, TestProvider};
///
/// # async fn example(provider: TestProvider) {
/// let hold = Hold::new();
/// provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
/// // Here something asks for a token …
/// hold.wait_for_arrivals(1).await;
/// // … and here it has been issued, and the client does not know it yet.
/// hold.release();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Hold(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    arrived: usize,
    released: bool,
}

impl Hold {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::default()))
    }

    /// Waits until at least so many requests have come to the gate, in all.
    pub async fn wait_for_arrivals(&self, at_least: usize) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self.0.subscribe().wait_for(|state| state.arrived >= at_least).await;
    }

    /// Lets all go that wait, and all that come later.
    pub fn release(&self) {
        self.0.send_modify(|state| state.released = true);
    }

    pub(crate) async fn pass(&self) {
        self.0.send_modify(|state| state.arrived += 1);
        let _ = self.0.subscribe().wait_for(|state| state.released).await;
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self::new()
    }
}
