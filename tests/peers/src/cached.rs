//! What a cached, valid token costs a request.

use std::time::Duration;

use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use oidc_tower::ReplayNever;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::{Layer, Service};

use crate::{
    aliri::Aliri,
    aws::Aws,
    azure::Azure,
    endpoint::Endpoint,
    google::Google,
    kube,
    measure::{Work, allocations, over_first},
    ours::Ours,
    peer::Peer,
    request::{Answers, Body, request, send},
    static_header,
    yup::Yup,
};

/// One line for each contender, the static header first.
pub fn run(runtime: &Runtime, quick: bool) -> Vec<Value> {
    let _runtime = runtime.enter();
    let ours = ready::<Ours>(runtime);
    let mut contenders = vec![
        ("the bare service", sending(Answers)),
        (static_header::NAME, sending(static_header::service())),
        (
            "this project, BearerLayer without replay",
            sending(ours.layer().with_replay(ReplayNever).layer(Answers)),
        ),
        ("this project, BearerLayer", sending(ours.layer().layer(Answers))),
        (Aliri::NAME, attaching::<Aliri>(runtime)),
        (kube::NAME, sending(kube::service())),
        (Google::NAME, attaching::<Google>(runtime)),
        (Yup::NAME, attaching::<Yup>(runtime)),
        (Azure::NAME, attaching::<Azure>(runtime)),
        (Aws::NAME, attaching::<Aws>(runtime)),
    ];
    let names: Vec<&str> = contenders.iter().map(|(name, _)| *name).collect();
    let floor = allocations(&mut contenders[0].1);
    let allocations: Vec<f64> = contenders.iter_mut().map(|(_, work)| allocations(work) - floor).collect();
    let mut works: Vec<Work<'_>> = contenders.into_iter().map(|(_, work)| work).collect();
    // Short samples: one that is preempted says nothing, and a long one of a slow contender nearly always is.
    let over = over_first(&mut works, if quick { 5 } else { 2_001 }, 200);
    let lines = names.iter().zip(over.iter().zip(&allocations)).skip(1);
    lines
        .map(|(name, (nanoseconds, allocations))| {
            let ratio = nanoseconds / over[1];
            json!({"peer": name, "ns_over_floor": nanoseconds, "over_static": ratio, "allocations": allocations})
        })
        .collect()
}

/// The lines as people read them.
pub fn table(lines: &[Value]) -> String {
    let mut table = format!(
        "{:<44} {:>13} {:>12} {:>12}\n",
        "cached token", "ns over floor", "over static", "allocations"
    );
    for line in lines {
        let number = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
        table += &format!(
            "{:<44} {:>13.0} {:>12.1} {:>12.0}\n",
            line["peer"].as_str().unwrap_or_default(),
            number("ns_over_floor"),
            number("over_static"),
            number("allocations"),
        );
    }
    table
}

/// A contender that has a token for an hour.
fn ready<P: Peer>(runtime: &Runtime) -> P {
    runtime.block_on(async {
        let peer = P::new(Endpoint::giving(Duration::from_secs(3600))).await;
        peer.header().await.expect("a token");
        peer
    })
}

fn sending<'a, S>(mut service: S) -> Work<'a>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + 'a,
{
    Box::new(move |operations| (0..operations).for_each(|_| send(&mut service, request())))
}

/// Asks for the header, which is there at once, and attaches it.
fn attaching<'a, P: Peer>(runtime: &Runtime) -> Work<'a> {
    let peer: P = ready(runtime);
    Box::new(move |operations| {
        for _ in 0..operations {
            let mut request = request();
            let header = peer.header().now_or_never().expect("at once").expect("a token");
            request.headers_mut().insert(AUTHORIZATION, header);
            send(&mut Answers, request);
        }
    })
}
