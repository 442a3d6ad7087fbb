//! Many users in one pool: what each costs in memory, and what a request costs that says whose tokens it takes.
//!
//! - `bytes_per_user_over_raw`: a pool in which a million users have signed in, each with a token of its own and a day of life left.
//!   Counted is the growth of the process's resident memory (what the allocator needs for itself, fragmentation and scheduling
//!   included; on systems that do not tell it, what the allocator was asked for), divided by the number of users and by the length of
//!   the strings that a login consists of. The store behind the pool keeps nothing: a real one is a database elsewhere.
//!   Afterwards every user's `peek` has to answer.
//! - `user_hot_over_layer`: requests that carry the handles of 1,000 users by turns, in their extensions; the floor puts the same
//!   handles into the extensions and has no layer. What is left, over what the layer with a single token costs.
//! - `user_million_over_map`: the same with a user drawn from all for each request, two threads; over a service that finds a
//!   header in a `DashMap` by the user's key, 36 bytes long, and attaches it. Its floor puts the same keys into the extensions.
//!
//! Nobody compares these logins with the store while the figures are taken (`revalidate_after` is a day): that is work in the
//! background, of each user every 5 s at most.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use allocation_counter::measure;
use dashmap::DashMap;
use http::{HeaderValue, header::AUTHORIZATION};
use oidc_core::{
    AccessToken, Clock, Issuer, Lifetime, Scopes, Secret, Subject, SystemClock, TokenKey, TokenSet,
    TokenSource,
};
use oidc_refresh::{RefreshPolicy, TokenPool};
use oidc_tower::{BearerLayer, Origins, ReplayNever, UseSource};
use tower::{Layer, Service};

use crate::{
    Bench, Figures,
    endpoint::Endpoint,
    layer::{fresh_source, layer, sending},
    measure::{Case, Plan, compare},
    request::{Answers, Body, Demands, ORIGIN, TOKEN_LENGTH, request, send},
    store::Forgetful,
    thread::resident_bytes,
};

pub(crate) const NAMES: &[&str] =
    &["bytes_per_user_over_raw", "user_hot_over_layer", "user_million_over_map"];

/// The length of a login's strings: key, access token, refresh token, scopes; and eight bytes for its end.
const RAW: f64 = (36 + TOKEN_LENGTH + 60 + 35 + 8) as f64;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn run(bench: &Bench) -> Figures {
    let users = if bench.quick { 2_000 } else { 1_000_000 };
    let (pool, grown) = measured_pool(bench, users);
    for user in 0..users {
        assert!(pool.source(&key(user)).peek().is_some(), "user {user} has no token any more");
    }
    let handles: Vec<UseSource> = (0..users).map(|user| UseSource::new(pool.source(&key(user)))).collect();
    vec![
        ("bytes_per_user_over_raw", grown / RAW),
        ("user_hot_over_layer", hot_over_layer(bench, &handles[..1_000])),
        ("user_million_over_map", million_over_map(bench, &handles)),
    ]
}

/// A pool in which so many users have signed in, and how much memory each of them takes.
fn measured_pool(bench: &Bench, users: usize) -> (TokenPool, f64) {
    let (mut built, before) = (None, resident_bytes());
    let allocated = measure(|| built = Some(pool(bench, users))).bytes_current as f64 / users as f64;
    let after = resident_bytes();
    let grown = after.zip(before).map(|(after, before)| after.saturating_sub(before) as f64 / users as f64);
    bench.note(format!(
        "users: {allocated:.0} bytes asked for by each, {:.0} resident",
        grown.unwrap_or(f64::NAN)
    ));
    (built.expect("it was built"), grown.unwrap_or(allocated))
}

fn pool(bench: &Bench, users: usize) -> TokenPool {
    let grant = Endpoint::giving(DAY, Duration::ZERO).client().refresh_grant();
    let mut policy = RefreshPolicy::default();
    policy.revalidate_after = DAY;
    let pool =
        TokenPool::builder(Forgetful, grant).policy(policy).capacity(users).build().expect("a good pool");
    bench.runtime.block_on(async {
        for user in 0..users {
            pool.sign_in(&key(user), &tokens(user)).await.expect("the store takes everything");
        }
    });
    pool
}

fn hot_over_layer(bench: &Bench, handles: &[UseSource]) -> f64 {
    let source = fresh_source(bench);
    let single = layer(&source).with_replay(ReplayNever).layer(Answers);
    let per_user = per_user(&handles[0]);
    let by_turns = |thread: usize| {
        let mut next = thread;
        move || {
            next = (next + 1) % handles.len();
            handles[next].clone()
        }
    };
    let cases = [
        sending(bench, &Answers),
        sending(bench, &single),
        sending_with(bench, &Answers, by_turns),
        sending_with(bench, &per_user, by_turns),
    ];
    let plan = Plan { threads: 1, rounds: bench.rounds(201), operations: 4_000 };
    let rounds = compare(&cases, plan);
    let (single, per_user) = (rounds.over(1, 0), rounds.over(3, 2));
    bench.note(format!(
        "hot users, ns: single token +{single:.1}, per user +{per_user:.1}, the extension itself +{:.1}; {} of {} rounds disturbed",
        rounds.over(2, 0),
        rounds.disturbed,
        plan.rounds,
    ));
    per_user / single
}

fn million_over_map(bench: &Bench, handles: &[UseSource]) -> f64 {
    let keys: Vec<UserKey> = (0..handles.len()).map(|user| UserKey(text(user).into())).collect();
    let map: DashMap<Arc<str>, HeaderValue> =
        keys.iter().enumerate().map(|(user, key)| (key.0.as_ref().into(), header(user))).collect();
    let mapped = Mapped { inner: Answers, map: Arc::new(map) };
    let per_user = per_user(&handles[0]);
    let handle = |thread| drawn(thread, handles);
    let key = |thread| drawn(thread, &keys);
    let cases = [
        sending_with(bench, &Answers, handle),
        sending_with(bench, &per_user, handle),
        sending_with(bench, &Answers, key),
        sending_with(bench, &mapped, key),
    ];
    let plan = Plan { threads: 2, rounds: bench.rounds(201), operations: 500 };
    let rounds = compare(&cases, plan);
    let (per_user, mapped) = (rounds.over(1, 0), rounds.over(3, 2));
    bench.note(format!(
        "a million users, ns: floors {:.0} and {:.0}, per user +{per_user:.0}, map +{mapped:.0}; {} of {} rounds disturbed",
        rounds.of(0),
        rounds.of(2),
        rounds.disturbed,
        plan.rounds,
    ));
    per_user / mapped
}

fn per_user(handle: &UseSource) -> impl Service<Request, Response = Response> + Clone + Sync {
    let origins = Origins::only([ORIGIN]).expect("an origin");
    let layer = BearerLayer::per_request(origins).with_replay(ReplayNever);
    let mut request = request();
    request.extensions_mut().insert(handle.clone());
    send(&mut layer.layer(Demands), request);
    layer.layer(Answers)
}

/// Sends requests that have in their extensions what `next`, made for each thread, gives.
fn sending_with<'a, S, E, N>(
    bench: &'a Bench,
    service: &'a S,
    next: impl Fn(usize) -> N + Sync + 'a,
) -> Case<'a>
where
    S: Service<Request, Response = Response> + Clone + Sync,
    E: Clone + Send + Sync + 'static,
    N: FnMut() -> E + 'a,
{
    Case::new(move |thread| {
        let (mut service, mut next) = (service.clone(), next(thread));
        move |operations| {
            let _runtime = bench.runtime.enter();
            for _ in 0..operations {
                let mut request = request();
                request.extensions_mut().insert(next());
                send(&mut service, request);
            }
        }
    })
}

/// Clones of `values`, drawn at random, others in each thread and each time.
fn drawn<T: Clone>(thread: usize, values: &[T]) -> impl FnMut() -> T {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(1);
    let mut state = SEED.fetch_add(2, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15) + thread as u64;
    move || {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let index = ((u128::from(state) * values.len() as u128) >> 64) as usize;
        values[index].clone()
    }
}

/// In the extensions of a request: whose token it takes, for the service with a map.
#[derive(Clone)]
struct UserKey(Arc<str>);

/// What is built without this library: ready headers in a map.
#[derive(Clone)]
struct Mapped {
    inner: Answers,
    map: Arc<DashMap<Arc<str>, HeaderValue>>,
}

impl Service<Request> for Mapped {
    type Response = Response;
    type Error = <Answers as Service<Request>>::Error;
    type Future = <Answers as Service<Request>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let UserKey(key) = request.extensions_mut().remove().expect("whose token it takes");
        let header = self.map.get(&*key).expect("every user is logged in").clone();
        request.headers_mut().insert(AUTHORIZATION, header);
        self.inner.call(request)
    }
}

fn key(user: usize) -> TokenKey {
    let issuer = Issuer::new("https://id.example").expect("an issuer");
    TokenKey::new(issuer, "bench", Subject::user(text(user)).expect("a name"))
}

/// The key of a user as text: 36 bytes, as a UUID has.
fn text(user: usize) -> String {
    format!("{:08x}-0000-4000-8000-{user:012x}", user.wrapping_mul(0x9e37_79b1) as u32)
}

fn tokens(user: usize) -> TokenSet {
    let secret = |length, name: &str| {
        let text: String = text(user).chars().chain(name.chars().cycle()).take(length).collect();
        Secret::from(text.as_str())
    };
    let scopes = Scopes::parse("openid offline_access accounts/read");
    let lifetime = Lifetime::new(SystemClock::new().wall(), Some(DAY));
    let access = AccessToken::bearer(secret(TOKEN_LENGTH, "access"), lifetime).expect("a token");
    TokenSet::new(access.with_scopes(scopes)).with_refresh_token(secret(60, "refresh"))
}

fn header(user: usize) -> HeaderValue {
    let tokens = tokens(user);
    let token = tokens.access().expect("an access token").value();
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose())).expect("visible ASCII");
    header.set_sensitive(true);
    header
}

type Request = http::Request<Body>;
type Response = http::Response<Body>;
