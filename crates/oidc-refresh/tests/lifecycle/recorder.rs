//! A recorder of metrics that a test can look into.
#![allow(clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// Keeps everything. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    described: BTreeMap<String, (&'static str, &'static str)>,
    values: BTreeMap<Id, Vec<f64>>,
}

/// Name, kind, and the label with its value.
type Id = (String, &'static str, Option<(String, String)>);

/// By name and kind, the label and the values that it had.
pub(crate) type Recorded = BTreeMap<(String, &'static str), Option<(String, Vec<String>)>>;

impl Notes {
    /// Kind and unit of each metric that was described.
    pub(crate) fn described(&self) -> BTreeMap<String, (&'static str, &'static str)> {
        self.0.lock().unwrap().described.clone()
    }

    /// Name and kind of everything that was recorded, with the label and the values it had.
    pub(crate) fn recorded(&self) -> Recorded {
        let mut all = Recorded::new();
        for (name, kind, label) in self.0.lock().unwrap().values.keys().cloned() {
            let entry = all.entry((name, kind)).or_default();
            if let Some((label, value)) = label {
                entry.get_or_insert((label, Vec::new())).1.push(value);
            }
        }
        all
    }

    /// Every change of the metric, in order: what a counter or gauge was increased by, what a histogram got. `value` is that of its
    /// label.
    pub(crate) fn changes(&self, name: &str, value: Option<&str>) -> Vec<f64> {
        let inner = self.0.lock().unwrap();
        let wanted = inner.values.iter().filter(|((other, _, label), _)| {
            other == name && label.as_ref().map(|(_, value)| value.as_str()) == value
        });
        wanted.flat_map(|(_, changes)| changes.clone()).collect()
    }

    fn describe(&self, name: &KeyName, kind: &'static str, unit: Option<Unit>) {
        let unit = unit.map_or("", |unit| unit.as_str());
        self.0.lock().unwrap().described.insert(name.as_str().to_owned(), (kind, unit));
    }

    fn handle(&self, key: &Key, kind: &'static str) -> Arc<Handle> {
        let mut labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned()));
        let label = labels.next();
        assert!(labels.next().is_none(), "{key:?}");
        Arc::new(Handle { notes: self.clone(), id: (key.name().to_owned(), kind, label) })
    }
}

struct Handle {
    notes: Notes,
    id: Id,
}

impl Handle {
    fn note(&self, change: f64) {
        self.notes.0.lock().unwrap().values.entry(self.id.clone()).or_default().push(change);
    }
}

impl CounterFn for Handle {
    fn increment(&self, value: u64) {
        self.note(f64::from(u32::try_from(value).unwrap()));
    }

    fn absolute(&self, _: u64) {
        unreachable!("no counter here is set");
    }
}

impl GaugeFn for Handle {
    fn increment(&self, value: f64) {
        self.note(value);
    }

    fn decrement(&self, value: f64) {
        self.note(-value);
    }

    fn set(&self, _: f64) {
        unreachable!("no gauge here is set");
    }
}

impl HistogramFn for Handle {
    fn record(&self, value: f64) {
        self.note(value);
    }
}

impl Recorder for Notes {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "counter", unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "gauge", unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "histogram", unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.handle(key, "counter"))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle(key, "gauge"))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle(key, "histogram"))
    }
}
