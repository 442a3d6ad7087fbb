//! What all processes of one world share: time, chance, the provider, the records, and the history.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use oidc_core::{Issuer, KeyId, SavedLogin, Subject, Target, TokenKey, store::Record};

use super::{
    history::{Entry, Event, Fault, Login, Pid, Refresh, Saved, TargetNumber},
    plan::Plan,
    provider::Provider,
    rng::Rng,
    store::Row,
    timeline::{Sleep, Timeline},
};

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) timeline: Timeline,
    pub(super) keys: Vec<TokenKey>,
    pub(super) targets: Vec<Target>,
    inside: Mutex<Inside>,
}

/// What changes. Never locked across an await.
pub(super) struct Inside {
    pub(super) rng: Rng,
    pub(super) provider: Provider,
    pub(super) rows: Vec<Row>,
    pub(super) history: Vec<Entry>,
    pub(super) calm: bool,
    pub(super) over: bool,
    pub(super) requests: u16,
    calls: u32,
    faults_left: u32,
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<Self> {
        let mut rng = Rng::new(seed);
        let plan = Plan::of(&mut rng);
        let inside = Inside {
            provider: Provider::new(plan.rotation, plan.ends_old_access, plan.life),
            rows: (0..plan.logins).map(|_| Row::default()).collect(),
            history: Vec::new(),
            calm: false,
            over: false,
            requests: 0,
            calls: 0,
            faults_left: plan.faults,
            rng,
        };
        let keys = (0..plan.logins).map(key).collect();
        let targets = (0..plan.targets).map(target).collect();
        let timeline = Timeline::default();
        Arc::new(Self { plan, timeline, keys, targets, inside: Mutex::new(inside) })
    }

    pub(super) fn now(&self) -> Duration {
        self.timeline.now()
    }

    pub(super) fn sleep(&self, pause: Duration) -> Sleep {
        self.timeline.sleep(pause)
    }

    pub(super) fn with<T>(&self, action: impl FnOnce(&mut Inside) -> T) -> T {
        action(&mut self.inside.lock().unwrap())
    }

    pub(super) fn note(&self, event: Event) {
        let at = self.now();
        self.with(|inside| inside.note(at, event));
    }

    /// Whether something goes wrong now, at this rate. If so it is noted.
    pub(super) fn goes_wrong(
        &self,
        permille: u64,
        process: Option<Pid>,
        login: Option<Login>,
        fault: Fault,
    ) -> bool {
        let at = self.now();
        self.with(|inside| {
            if inside.calm || inside.faults_left == 0 || !inside.rng.chance(permille) {
                return false;
            }
            inside.faults_left -= 1;
            inside.note(at, Event::Fault { process, login, fault });
            true
        })
    }

    pub(super) fn is_calm(&self) -> bool {
        self.with(|inside| inside.calm)
    }

    pub(super) fn is_over(&self) -> bool {
        self.with(|inside| inside.over)
    }

    pub(super) fn fork(&self) -> Rng {
        self.with(|inside| inside.rng.fork())
    }

    pub(super) fn next_call(&self) -> u32 {
        self.with(|inside| {
            inside.calls += 1;
            inside.calls
        })
    }

    pub(super) fn login_of(&self, key: &KeyId) -> Login {
        let index = self.keys.iter().position(|known| known.id() == *key).unwrap();
        u8::try_from(index).unwrap()
    }

    pub(super) fn target_number(&self, target: &Target) -> TargetNumber {
        let index = self.targets.iter().position(|known| known == target).unwrap();
        u8::try_from(index).unwrap()
    }

    /// The tokens of a record.
    pub(super) fn saved(&self, login: Login, record: &Record) -> Option<Saved> {
        let key = self.keys[usize::from(login)].id();
        let tokens = SavedLogin::from_payload(&key, record.payload.as_ref()?).unwrap();
        let access = self.targets.iter().filter_map(|target| tokens.access(target));
        Some(Saved {
            refresh: Refresh::parse(tokens.refresh()?.expose())?,
            access: access
                .filter_map(|access| super::history::Access::parse(access.value().expose()))
                .collect(),
        })
    }
}

impl Inside {
    pub(super) fn note(&mut self, at: Duration, event: Event) {
        if !self.over {
            self.history.push(Entry { at, event });
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

fn key(login: Login) -> TokenKey {
    let issuer = Issuer::new("https://id.example").unwrap();
    TokenKey::new(issuer, "app", Subject::user(format!("user{login}")).unwrap())
}

fn target(number: TargetNumber) -> Target {
    match number {
        0 => Target::granted(),
        _ => Target::granted().with_resource(format!("https://api{number}.example")).unwrap(),
    }
}
