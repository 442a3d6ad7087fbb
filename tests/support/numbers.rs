//! Metrics as somebody sees them who collects them: names, labels and descriptions.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::capture::write_down_line;

/// Has every metric of the process written down whenever it is used.
pub(crate) fn install() {
    metrics::set_global_recorder(Labels).unwrap();
}

struct Labels;

impl Labels {
    fn used(&self, key: &Key) {
        let labels: String =
            key.labels().map(|label| format!(" {}={:?}", label.key(), label.value())).collect();
        write_down_line(&format!("metric {}{labels}", key.name()));
    }

    fn described(&self, name: &KeyName, text: &SharedString) {
        write_down_line(&format!("metric {} is: {text}", name.as_str()));
    }
}

impl Recorder for Labels {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.used(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.used(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.used(key);
        Histogram::noop()
    }
}
