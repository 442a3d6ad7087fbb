//! What the logs say.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "what is wrong here is wrong with the test")]

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use oidc_core::{GrantError, GrantErrorKind, MemoryStore, TokenSource};
use oidc_testkit::ManualClock;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::support::{LIFE, Scene, StrictGrant, Twist, key, settle, source};

/// Everything that this crate says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    spans: Vec<Fields>,
    events: Vec<(Level, Fields)>,
}

type Fields = BTreeMap<&'static str, String>;

impl Log {
    fn spans(&self) -> Vec<Fields> {
        std::mem::take(&mut self.0.lock().unwrap().spans)
    }

    /// The messages of this level or above.
    fn messages(&self, level: Level) -> Vec<(Level, String)> {
        let events = std::mem::take(&mut self.0.lock().unwrap().events);
        let wanted = events.into_iter().filter(|(other, _)| *other <= level);
        wanted.map(|(level, fields)| (level, fields["message"].clone())).collect()
    }
}

struct Pick<'a>(&'a mut Fields);

impl Visit for Pick<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("oidc_refresh")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        fields.insert("name", span.metadata().name().to_owned());
        span.record(&mut Pick(&mut fields));
        assert!(span.is_root() && *span.metadata().level() == Level::INFO);
        let mut said = self.0.lock().unwrap();
        said.spans.push(fields);
        Id::from_u64(u64::try_from(said.spans.len()).unwrap())
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Pick(&mut self.0.lock().unwrap().spans[index]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Pick(&mut fields));
        self.0.lock().unwrap().events.push((*event.metadata().level(), fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_refresh_is_one_span_that_says_how_it_ended() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let Scene { clock, grant, source, .. } = Scene::ended().await;
    (0..100).for_each(|_| assert!(source.peek().is_none()));
    assert!(log.spans().is_empty(), "looking at a token is none");
    let token = source.token().await.unwrap();
    settle().await;
    let spans = log.spans();
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!((span["name"].as_str(), span["outcome"].as_str()), ("refresh", "\"renewed\""));
    assert_eq!((span["took_ms"].as_str(), span["revision"].as_str()), ("0", "1"));
    assert_eq!((span["key"].len(), span["target"].len(), span["attempt"].len()), (16, 16, 16));
    assert!(key().id().to_string().starts_with(&span["key"]));
    assert!(!span.contains_key("cause"));
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::NotProcessed, "down")));
    clock.advance(Duration::from_secs(2));
    source.reject(token.generation());
    assert!(source.token().await.is_err());
    settle().await;
    let spans = log.spans();
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span["outcome"], "\"failed\"");
    assert!(span["cause"].starts_with("no token: the provider could not be reached"), "{span:?}");
}

#[tokio::test]
async fn the_level_says_whether_somebody_has_to_look() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let Scene { clock, grant, source, .. } = Scene::ended().await;
    source.token().await.unwrap();
    settle().await;
    assert!(log.messages(Level::INFO).is_empty(), "all is well");
    let cases = [
        (GrantErrorKind::NotProcessed, Level::WARN, "tokens could not be renewed"),
        (GrantErrorKind::Misconfigured, Level::ERROR, "tokens cannot be renewed: see to it"),
        (GrantErrorKind::Refused(oidc_core::Cause::GrantRejected), Level::WARN, "a new login is needed"),
    ];
    for (kind, level, message) in cases {
        clock.advance(LIFE * 2);
        grant.twist(Twist::Fail(GrantError::new(kind, "told to")));
        for _ in 0..10 {
            assert!(source.token().await.is_err());
            settle().await;
        }
        assert_eq!(log.messages(Level::INFO), [(level, message.to_owned())], "once");
    }
}

#[tokio::test]
async fn hashes_are_all_that_is_said_of_a_login() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let clock = ManualClock::new();
    let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
    let grant = StrictGrant::new(&clock);
    let source = source(&grant, &store, &clock);
    source.sign_in(&grant.login()).await.unwrap();
    clock.advance(LIFE);
    source.token().await.unwrap();
    settle().await;
    let said = log.0.lock().unwrap();
    let words: Vec<_> = said.spans.iter().chain(said.events.iter().map(|(_, fields)| fields)).collect();
    assert!(words.len() > 2);
    let text = format!("{words:?}");
    for private in ["id.example", "a1", "a2", "r1", "r2"] {
        let alone = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').any(|word| word == private);
        assert!(!alone, "{private} in {text}");
    }
}
