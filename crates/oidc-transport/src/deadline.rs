//! One deadline over a whole exchange.

use std::{sync::Arc, time::Duration};

use oidc_core::{BootTime, Clock, SystemClock};

/// How long an exchange may take, and by which clock.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) total: Duration,
}

impl Deadline {
    /// When an exchange that starts now has to be over.
    pub(crate) fn end(&self) -> BootTime {
        self.clock.boot().after(self.total)
    }

    /// The output of `work`, if it comes before `end`. Otherwise `work` is dropped.
    pub(crate) async fn until<T>(&self, end: BootTime, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            output = work => Some(output),
            () = self.clock.sleep_until(end) => None,
        }
    }
}

impl Default for Deadline {
    /// 30 s by the system's clock.
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::new()), total: Duration::from_secs(30) }
    }
}
