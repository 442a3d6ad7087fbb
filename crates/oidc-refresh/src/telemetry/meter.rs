//! The numbers: which there are, and the three ways to change one. Without the feature `metrics` nothing is left of them.

pub(super) const TOKEN_REQUESTS: &str = "oidc_token_requests_total";
pub(super) const TOKEN_REQUEST_SECONDS: &str = "oidc_token_request_duration_seconds";
pub(super) const REFRESHES: &str = "oidc_refreshes_total";
pub(super) const REFRESH_SECONDS: &str = "oidc_refresh_duration_seconds";
pub(super) const REMAINING_SECONDS: &str = "oidc_token_remaining_seconds";
pub(super) const REJECTIONS: &str = "oidc_token_rejections_total";
pub(super) const LOGINS_NEEDED: &str = "oidc_logins_needed_total";
pub(super) const STORE_FAULTS: &str = "oidc_store_faults_total";
pub(super) const UNSAVED: &str = "oidc_unsaved_rotations";

/// At most one label: its name and its value.
pub(super) type Label = Option<(&'static str, &'static str)>;

#[cfg(feature = "metrics")]
pub use self::on::describe_metrics;
#[cfg(feature = "metrics")]
pub(super) use self::on::{adjust, count, observe};

#[cfg(feature = "metrics")]
mod on {
    use std::time::Duration;

    use ::metrics::{
        Unit::{Count, Seconds},
        counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    };

    use super::*;

    /// Tells the recorder that is installed the unit and the meaning of each metric of this crate: to be called once, after installing
    /// it. Without, they are counted all the same.
    pub fn describe_metrics() {
        describe_counter!(TOKEN_REQUESTS, Count, "Token requests that were sent");
        describe_histogram!(TOKEN_REQUEST_SECONDS, Seconds, "From sending a token request to its answer");
        describe_counter!(REFRESHES, Count, "Refreshes that ended");
        describe_histogram!(REFRESH_SECONDS, Seconds, "From starting a refresh to its end, store included");
        describe_histogram!(REMAINING_SECONDS, Seconds, "Remaining life of a token at a use, sampled");
        describe_counter!(REJECTIONS, Count, "Tokens that an API rejected");
        describe_counter!(LOGINS_NEEDED, Count, "Logins that only their user can begin again");
        describe_counter!(STORE_FAULTS, Count, "Operations of the token store that failed");
        describe_gauge!(UNSAVED, Count, "Tokens in use that the store did not take yet");
    }

    pub(in crate::telemetry) fn count(name: &'static str, label: Label) {
        counter!(name, label.as_slice()).increment(1);
    }

    pub(in crate::telemetry) fn observe(name: &'static str, label: Label, time: Duration) {
        histogram!(name, label.as_slice()).record(time.as_secs_f64());
    }

    pub(in crate::telemetry) fn adjust(name: &'static str, by: f64) {
        gauge!(name).increment(by);
    }
}

#[cfg(not(feature = "metrics"))]
pub(super) use self::off::{adjust, count, observe};

#[cfg(not(feature = "metrics"))]
mod off {
    use std::time::Duration;

    use super::Label;

    pub(in crate::telemetry) fn count(_: &'static str, _: Label) {}

    pub(in crate::telemetry) fn observe(_: &'static str, _: Label, _: Duration) {}

    pub(in crate::telemetry) fn adjust(_: &'static str, _: f64) {}
}
