//! Everything that is said: through `tracing`, `log` and `metrics`, and by panics.

use std::{
    fmt::{self, Write},
    panic,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::numbers;

static SAID: Mutex<String> = Mutex::new(String::new());

/// Writes down all that any crate says from now on, at every level, once for the whole process: what it logs, what it counts under
/// which names and labels, and what it panics with.
///
/// # Panics
/// Where something else listens already.
pub fn capture_logs() {
    static START: Once = Once::new();
    START.call_once(|| {
        tracing::subscriber::set_global_default(Everything).unwrap();
        log::set_logger(&Everything).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        numbers::install();
        write_down_panics();
    });
}

/// What has been said so far.
pub fn captured_logs() -> String {
    said().clone()
}

struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        write_down(span.metadata(), |visitor| span.record(visitor));
        Id::from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = String::new();
        values.record(&mut Line(&mut line));
        said().push_str(&line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        write_down(event.metadata(), |visitor| event.record(visitor));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {} {}\n", record.level(), record.target(), record.args());
        said().push_str(&line);
    }

    fn flush(&self) {}
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn write_down(metadata: &Metadata<'_>, record: impl FnOnce(&mut dyn Visit)) {
    // What is shown may say something itself, so it is shown before the lock is taken.
    let mut line = format!("{} {} {}", metadata.level(), metadata.target(), metadata.name());
    record(&mut Line(&mut line));
    line.push('\n');
    said().push_str(&line);
}

fn write_down_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        write_down_line(&format!("panic {info}"));
        before(info);
    }));
}

/// Notes one line of something else that talks.
pub(crate) fn write_down_line(line: &str) {
    let mut said = said();
    said.push_str(line);
    said.push('\n');
}

fn said() -> MutexGuard<'static, String> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}
