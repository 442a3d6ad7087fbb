//! Many callers who need a token at the same moment, while the token endpoint takes its time.
//!
//! The endpoint is a transport in this process under the real client and the real source, so that its requests can be counted and
//! nothing but its pause takes time. The token is the application's own (client credentials), as the other libraries have it that this is
//! compared with: a rotating refresh token that gets a 503 which says nothing is sent once more, at once, because the answer may have been
//! lost, and that is a second request.
//!
//! - `storm_ok_*`: the token has ended, and the endpoint gives a new one in 50 ms. 10,000 callers: requests, and the 99th
//!   percentile of their waits over the 50 ms.
//! - `storm_fail_*`: there is no token, and the endpoint answers 503 after 5 ms. 1,000 callers.
//! - `storm_window_p99_over_control`: the token is good and due for renewal, which takes 50 ms. 10,000 callers, over 10,000 tasks that are
//!   woken in the same way and do nothing. Once with an endpoint that gives a token and once with one that is down; the worse of
//!   the two counts, and a caller who gets no token breaks the run.
//! - `storm_cancel_requests`: 200 callers give up after 30 ms and ask again, the endpoint takes 50 ms: requests until all have a token.
//!
//! A storm is repeated; the worst number of requests counts, and the median of the percentiles.

use std::time::Duration;

use oidc_core::TokenSource;
use oidc_refresh::{RefreshPolicy, RefreshingSource};

use crate::{
    Bench, Figures,
    crowd::{Fared, crowd, pause, within},
    endpoint::Endpoint,
    measure::median,
};

pub(crate) const NAMES: &[&str] = &[
    "storm_ok_requests",
    "storm_ok_p99_over_endpoint",
    "storm_fail_requests",
    "storm_fail_p99_over_endpoint",
    "storm_window_p99_over_control",
    "storm_cancel_requests",
];

const SLOW: Duration = Duration::from_millis(50);
const SOON: Duration = Duration::from_millis(5);

pub(crate) fn run(bench: &Bench) -> Figures {
    let crowd = if bench.quick { 500 } else { 10_000 };
    let ok = ended(bench, crowd);
    let fail = failing(bench, crowd / 10);
    vec![
        ("storm_ok_requests", ok.requests as f64),
        ("storm_ok_p99_over_endpoint", ok.p99 / SLOW.as_secs_f64()),
        ("storm_fail_requests", fail.requests as f64),
        ("storm_fail_p99_over_endpoint", fail.p99 / SOON.as_secs_f64()),
        ("storm_window_p99_over_control", window_over_control(bench, crowd)),
        ("storm_cancel_requests", impatient(bench) as f64),
    ]
}

struct Storm {
    /// The most that one of the repetitions needed.
    requests: usize,
    p99: f64,
}

fn ended(bench: &Bench, callers: usize) -> Storm {
    let life = Duration::from_secs(1);
    let stages = with_tokens(bench, &RefreshPolicy::default(), life);
    bench.runtime.block_on(pause(life + life / 4));
    storms(bench, "ended token", stages, callers, callers)
}

fn failing(bench: &Bench, callers: usize) -> Storm {
    let stages = (0..repetitions(bench)).map(|_| {
        let endpoint = Endpoint::giving(Duration::from_secs(60), SOON);
        endpoint.fail();
        Stage::new(endpoint, RefreshPolicy::default())
    });
    storms(bench, "endpoint down", stages.collect(), callers, 0)
}

fn storms(bench: &Bench, name: &str, stages: Vec<Stage>, callers: usize, to_be_served: usize) -> Storm {
    let (mut requests, mut waits) = (Vec::new(), Vec::new());
    for stage in &stages {
        let before = stage.endpoint.requests();
        let Fared { p99, served } = stage.storm(bench, callers);
        assert_eq!(served, to_be_served, "callers who got a token; {name}");
        requests.push(stage.endpoint.requests() - before);
        waits.push(p99);
    }
    let storm = Storm { requests: requests.into_iter().max().expect("a storm"), p99: median(waits) };
    bench.note(format!("storm, {name}: {} request(s), p99 {:.1} ms", storm.requests, storm.p99 * 1e3));
    storm
}

fn window_over_control(bench: &Bench, callers: usize) -> f64 {
    let mut policy = RefreshPolicy::default();
    (policy.early, policy.jitter) = (0.1, 0.0);
    let life = Duration::from_secs(10);
    let (good, down) = (with_tokens(bench, &policy, life), with_tokens(bench, &policy, life));
    down.iter().for_each(|stage| stage.endpoint.fail());
    bench.runtime.block_on(pause(life / 8));
    let mut waits = [vec![], vec![], vec![]];
    for (round, (good, down)) in good.iter().zip(&down).enumerate() {
        for turn in 0..3 {
            let contender = (round + turn) % 3;
            let Fared { p99, served } = match contender {
                0 => crowd(bench, callers, || async { true }),
                1 => good.storm(bench, callers),
                _ => down.storm(bench, callers),
            };
            assert_eq!(served, callers, "callers who got the token that is still good");
            waits[contender].push(p99);
        }
    }
    bench.runtime.block_on(pause(SLOW * 2));
    let renewals = good.iter().chain(&down).map(|stage| stage.endpoint.requests() - 1);
    assert_eq!(renewals.max(), Some(1), "every storm falls into one renewal");
    let [control, good, down] = waits.map(median);
    bench.note(format!(
        "storm, renewal under way: p99 {:.1} ms, endpoint down {:.1} ms, control {:.1} ms",
        good * 1e3,
        down * 1e3,
        control * 1e3
    ));
    good.max(down) / control
}

fn impatient(bench: &Bench) -> usize {
    const PATIENCE: Duration = Duration::from_millis(30);
    const TRIES: usize = 50;
    let storm = |_| {
        let stage = Stage::new(Endpoint::giving(Duration::from_secs(60), SLOW), RefreshPolicy::default());
        let Fared { served, .. } = crowd(bench, 200, || {
            let source = stage.source.clone();
            async move {
                for _ in 0..TRIES {
                    if let Some(Ok(_)) = within(PATIENCE, source.token()).await {
                        return true;
                    }
                }
                false
            }
        });
        assert_eq!(served, 200, "callers who got a token at last");
        stage.endpoint.requests()
    };
    (0..repetitions(bench)).map(storm).max().expect("a storm")
}

/// A source and its endpoint.
struct Stage {
    endpoint: Endpoint,
    source: RefreshingSource,
}

impl Stage {
    fn new(endpoint: Endpoint, policy: RefreshPolicy) -> Self {
        let source = endpoint.source(policy);
        Self { endpoint, source }
    }

    /// So many callers want its token.
    fn storm(&self, bench: &Bench, callers: usize) -> Fared {
        crowd(bench, callers, || {
            let source = self.source.clone();
            async move { source.token().await.is_ok() }
        })
    }
}

/// Sources with tokens that live for `life` from now on, one for each repetition.
fn with_tokens(bench: &Bench, policy: &RefreshPolicy, life: Duration) -> Vec<Stage> {
    let stages: Vec<Stage> =
        (0..repetitions(bench)).map(|_| Stage::new(Endpoint::giving(life, SLOW), policy.clone())).collect();
    bench.runtime.block_on(async {
        let tokens = futures_util::future::join_all(stages.iter().map(|stage| stage.source.token())).await;
        assert!(tokens.iter().all(Result::is_ok), "every source has a token");
    });
    stages
}

fn repetitions(bench: &Bench) -> usize {
    if bench.quick { 1 } else { 11 }
}
