//! The life of one world, from the first login to the last question.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    callers::Host,
    history::{Entry, Event, Fault, Login, Pid},
    plan::Plan,
    process::Process,
    rng::Rng,
    world::World,
};
use crate::random::seed::plant;

/// What became of a seed.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) history: Vec<Entry>,
}

impl Run {
    /// Lives through the world of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let world = World::new(seed);
        let mut chance = Rng::new(!seed);
        let planted =
            plant(move || (u128::from(chance.next()) << 64 | u128::from(chance.next())).to_be_bytes());
        let runtime = world.timeline.runtime();
        runtime.block_on(live(&world));
        drop(runtime);
        drop(planted);
        let history = world.with(|inside| std::mem::take(&mut inside.history));
        Self { plan: world.plan.clone(), history }
    }
}

async fn live(world: &Arc<World>) {
    let cluster = Arc::new(Cluster { world: world.clone(), hosts: Mutex::default() });
    for place in 0..world.plan.processes {
        tokio::spawn(cluster.clone().keep_running(place));
    }
    for login in 0..world.plan.logins {
        tokio::spawn(cluster.clone().be_user(login, world.fork()));
    }
    let rates = world.plan.rates;
    for (every, kind) in [
        (rates.crash_every, Trouble::Crash),
        (rates.pause_every, Trouble::Pause),
        (rates.fail_over_every, Trouble::FailOver),
        (rates.wall_clock_every, Trouble::WallClock),
        (rates.access_revoked_every, Trouble::AccessRevoked),
        (rates.family_revoked_every, Trouble::FamilyRevoked),
        (rates.shut_down_every, Trouble::ShutDown),
    ] {
        if every > 0 {
            tokio::spawn(cluster.clone().make_trouble(every, kind, world.fork()));
        }
    }
    tokio::spawn(cluster.clone().end());
    if !world.timeline.run(|| world.is_over()).await {
        world.note(Event::Stuck);
    }
}

/// All processes of a world.
struct Cluster {
    world: Arc<World>,
    hosts: Mutex<Vec<(u8, Host)>>,
}

#[derive(Clone, Copy)]
enum Trouble {
    Crash,
    Pause,
    FailOver,
    WallClock,
    AccessRevoked,
    FamilyRevoked,
    ShutDown,
}

impl Cluster {
    /// Starts a process, and another one when that has ended.
    async fn keep_running(self: Arc<Self>, place: u8) {
        let world = &self.world;
        for start in 0.. {
            let process = Process::new(world, Pid { place, start });
            world.note(Event::Started { process: process.pid });
            let host = Host::new(process.clone());
            self.hosts.lock().unwrap().push((place, host.clone()));
            for login in 0..world.plan.logins {
                for target in 0..world.plan.targets {
                    for _ in 0..world.plan.callers {
                        tokio::spawn(host.clone().keep_calling(login, target, world.fork()));
                    }
                }
            }
            process.gone().await;
            self.hosts.lock().unwrap().retain(|(other, _)| *other != place);
            let rest = world.with(|inside| inside.rng.millis(50, 6_000));
            world.sleep(rest).await;
        }
    }

    async fn be_user(self: Arc<Self>, login: Login, mut rng: Rng) {
        let world = &self.world;
        let every = world.plan.rates.sign_every;
        if let Some(host) = self.any(&mut rng) {
            tokio::spawn(async move { host.sign_in(login).await });
        }
        if every == 0 {
            return;
        }
        loop {
            world.sleep(rng.millis(100, every * 2_000)).await;
            if world.is_calm() {
                return;
            }
            let Some(host) = self.any(&mut rng) else { continue };
            if rng.chance(500) {
                tokio::spawn(async move { host.sign_out(login).await });
            } else {
                tokio::spawn(async move { host.sign_in(login).await });
            }
        }
    }

    async fn make_trouble(self: Arc<Self>, every: u64, kind: Trouble, mut rng: Rng) {
        loop {
            self.world.sleep(rng.millis(100, every * 2_000)).await;
            if self.world.is_calm() {
                return;
            }
            let Some(host) = self.any(&mut rng) else { continue };
            match kind {
                Trouble::Crash => host.process.may_crash(1_000),
                Trouble::Pause => host.process.may_pause(1_000),
                Trouble::WallClock => host.set_wall(&mut rng),
                Trouble::FailOver => self.fail_over(&mut rng),
                Trouble::AccessRevoked => self.revoke_access(),
                Trouble::FamilyRevoked => self.revoke_family(),
                Trouble::ShutDown => {
                    tokio::spawn(async move { host.shut_down().await });
                }
            }
        }
    }

    fn fail_over(&self, rng: &mut Rng) {
        let login = u8::try_from(rng.below(u64::from(self.world.plan.logins))).unwrap();
        let lost = self.world.with(|inside| {
            let row = &mut inside.rows[usize::from(login)];
            if inside.calm { None } else { Some(row.lose_write()) }
        });
        if let Some(write) = lost {
            let fault = Fault::WriteLost { write };
            self.world.note(Event::Fault { process: None, login: Some(login), fault });
        }
    }

    fn revoke_access(&self) {
        let now = self.world.now();
        let living = self.world.with(|inside| inside.provider.living());
        let Some(family) = living else { return };
        if self.world.goes_wrong(1_000, None, None, Fault::AccessRevoked) {
            self.world.with(|inside| inside.provider.end_access(family, None, now));
        }
    }

    fn revoke_family(&self) {
        let now = self.world.now();
        let living = self.world.with(|inside| inside.provider.living());
        let Some(family) = living else { return };
        let login = self.world.with(|inside| inside.provider.login_of(family));
        if self.world.goes_wrong(1_000, None, Some(login), Fault::FamilyRevoked { family }) {
            self.world.with(|inside| inside.provider.revoke(family, now));
        }
    }

    fn any(&self, rng: &mut Rng) -> Option<Host> {
        let hosts = self.hosts.lock().unwrap();
        let hosts: Vec<_> = hosts.iter().filter(|(_, host)| host.process.is_running()).collect();
        (!hosts.is_empty()).then(|| rng.pick(&hosts).1.clone())
    }

    /// Trouble stops; time for recovery; the last questions.
    async fn end(self: Arc<Self>) {
        let world = &self.world;
        world.sleep(world.plan.trouble).await;
        world.note(Event::Calm);
        world.with(|inside| inside.calm = true);
        self.hosts.lock().unwrap().iter().for_each(|(_, host)| host.process.set_wall(0));
        world.sleep(AFTERMATH + world.plan.recovery()).await;
        world.note(Event::Final);
        let hosts: Vec<_> = self.hosts.lock().unwrap().iter().map(|(_, host)| host.clone()).collect();
        let (logins, targets) = (world.plan.logins, world.plan.targets);
        let mut asking = Vec::new();
        for host in hosts {
            for (login, target) in
                (0..logins).flat_map(|login| (0..targets).map(move |target| (login, target)))
            {
                let host = host.clone();
                asking.push(tokio::spawn(async move { host.ask_last(login, target).await }));
            }
        }
        let last = futures_util::future::join_all(asking);
        let patience = std::pin::pin!(world.sleep(world.plan.recovery()));
        if let futures_util::future::Either::Right(_) = futures_util::future::select(last, patience).await {
            world.note(Event::Stuck);
        }
        world.with(|inside| inside.over = true);
    }
}

/// What began to go wrong before the calm goes on for at most so long: pauses, restarts, answers under way.
const AFTERMATH: Duration = Duration::from_secs(25);
