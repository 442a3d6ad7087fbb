//! What the layer adds to a request whose token is fresh, beside what tower-http's static header adds.
//!
//! Both wrap the same client, which answers at once. That client alone, with the request that is made for it, is the floor; it is
//! measured in the same rounds and subtracted.

use std::time::Duration;

use allocation_counter::measure;
use oidc_core::TokenSource;
use oidc_refresh::{RefreshPolicy, RefreshingSource};
use oidc_tower::{BearerLayer, Origins, ReplayNever};
use tower::{Layer, Service};
use tower_http::auth::AddAuthorizationLayer;

use crate::{
    Bench, Figures,
    endpoint::Endpoint,
    measure::{Case, Plan, compare},
    request::{Answers, Body, Demands, ORIGIN, request, send, token},
};

pub(crate) const NAMES: &[&str] = &[
    "layer_1t_over_static",
    "layer_default_1t_over_static",
    "layer_2t_over_static",
    "layer_allocs",
    "layer_replay_allocs",
];

const FLOOR: usize = 0;
const STATIC: usize = 1;
const LAYER: usize = 2;
const DEFAULT: usize = 3;

pub(crate) fn run(bench: &Bench) -> Figures {
    let source = fresh_source(bench);
    let constant = AddAuthorizationLayer::bearer(&token()).as_sensitive(true);
    let default = layer(&source);
    let never = default.clone().with_replay(ReplayNever);
    send(&mut constant.layer(Demands), request());
    send(&mut never.layer(Demands), request());
    send(&mut default.layer(Demands), request());
    let (constant, never, default) = (constant.layer(Answers), never.layer(Answers), default.layer(Answers));

    let cases = [
        sending(bench, &Answers),
        sending(bench, &constant),
        sending(bench, &never),
        sending(bench, &default),
    ];
    let plan = Plan { threads: 1, rounds: bench.rounds(201), operations: 4_000 };
    let one = compare(&cases, plan);
    let two = compare(&cases, Plan { threads: 2, ..plan });
    for (threads, rounds) in [(1, &one), (2, &two)] {
        bench.note(format!(
            "layer, {threads} thread(s), ns: floor {:.0}, static +{:.1}, layer without replay +{:.1}, with the default replay +{:.1}; \
             {} of {} rounds disturbed",
            rounds.of(FLOOR),
            rounds.over(STATIC, FLOOR),
            rounds.over(LAYER, FLOOR),
            rounds.over(DEFAULT, FLOOR),
            rounds.disturbed,
            plan.rounds,
        ));
    }
    let floor = allocations(&Answers);
    vec![
        ("layer_1t_over_static", one.over(LAYER, FLOOR) / one.over(STATIC, FLOOR)),
        ("layer_default_1t_over_static", one.over(DEFAULT, FLOOR) / one.over(STATIC, FLOOR)),
        ("layer_2t_over_static", two.over(LAYER, FLOOR) / two.over(STATIC, FLOOR)),
        ("layer_allocs", allocations(&never) - floor),
        ("layer_replay_allocs", allocations(&default) - floor),
    ]
}

/// A source whose token is good for an hour.
pub(crate) fn fresh_source(bench: &Bench) -> RefreshingSource {
    let endpoint = Endpoint::giving(Duration::from_secs(3600), Duration::ZERO);
    let source = endpoint.source(RefreshPolicy::default());
    bench.runtime.block_on(source.token()).expect("a token");
    source
}

/// The layer as users build it.
pub(crate) fn layer(source: &RefreshingSource) -> BearerLayer<RefreshingSource> {
    BearerLayer::new(source.clone(), Origins::only([ORIGIN]).expect("an origin"))
}

/// Sends one request after the other; each thread has its own clone of the service.
pub(crate) fn sending<'a, S>(bench: &'a Bench, service: &'a S) -> Case<'a>
where
    S: Service<Request, Response = Response> + Clone + Sync,
{
    Case::new(move |_| {
        let mut service = service.clone();
        move |operations| {
            // A source that looks at its store from time to time needs a runtime to do so on.
            let _runtime = bench.runtime.enter();
            for _ in 0..operations {
                send(&mut service, request());
            }
        }
    })
}

/// How often one request of many allocates. The first ones may allocate what is kept.
fn allocations<S>(service: &S) -> f64
where
    S: Service<Request, Response = Response> + Clone,
{
    const REQUESTS: u32 = 1_000;
    let mut service = service.clone();
    let mut many = || (0..REQUESTS).for_each(|_| send(&mut service, request()));
    many();
    let info = measure(many);
    (info.count_total / u64::from(REQUESTS)) as f64
}

type Request = http::Request<Body>;
type Response = http::Response<Body>;
