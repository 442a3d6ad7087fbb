//! Many callers at a moment at which there is no token, or no good one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    aliri::Aliri, aws::Aws, azure::Azure, endpoint::Endpoint, google::Google, measure::quantile, ours::Ours,
    peer::Peer, yup::Yup,
};

/// One line for each contender and storm.
pub fn run(runtime: &Runtime, quick: bool) -> Vec<Value> {
    let callers = if quick { 100 } else { 10_000 };
    runtime.block_on(async {
        let mut lines = vec![line("tasks that do nothing", "control", 0, &control(callers).await)];
        storms::<Ours>(callers, &mut lines).await;
        storms::<Azure>(callers, &mut lines).await;
        storms::<Aws>(callers, &mut lines).await;
        storms::<Aliri>(callers, &mut lines).await;
        storms::<Google>(callers, &mut lines).await;
        storms::<Yup>(callers, &mut lines).await;
        lines
    })
}

/// The lines as people read them.
pub fn table(lines: &[Value]) -> String {
    let mut table = format!(
        "{:<32} {:<34} {:>8} {:>8} {:>9} {:>9}  {}\n",
        "storm", "peer", "requests", "failures", "p99 ms", "last ms", "a token then"
    );
    for line in lines {
        let number = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
        let then = match line.get("token_after_ms") {
            None => String::new(),
            Some(after) => after.as_f64().map_or("never".to_owned(), |after| format!("after {after:.0} ms")),
        };
        table += &format!(
            "{:<32} {:<34} {:>8} {:>8} {:>9.1} {:>9.1}  {then}\n",
            line["storm"].as_str().unwrap_or_default(),
            line["peer"].as_str().unwrap_or_default(),
            number("requests"),
            number("failures"),
            number("p99_ms"),
            number("last_ms"),
        );
    }
    table
}

async fn storms<P: Peer>(callers: usize, lines: &mut Vec<Value>) {
    const HOUR: Duration = Duration::from_secs(3600);
    if P::IS_LAZY {
        let endpoint = Endpoint::giving(HOUR);
        endpoint.change(50, false);
        let peer = Arc::new(P::new(endpoint.clone()).await);
        let waits = call(&peer, callers, None).await;
        lines.push(line(P::NAME, "no token, endpoint takes 50 ms", endpoint.requests(), &waits));

        let endpoint = Endpoint::giving(HOUR);
        endpoint.change(5, true);
        let peer = Arc::new(P::new(endpoint.clone()).await);
        let waits = call(&peer, callers / 10, None).await;
        lines.push(line(P::NAME, "no token, endpoint fails", endpoint.requests(), &waits));

        let endpoint = Endpoint::giving(HOUR);
        endpoint.change(50, false);
        let peer = Arc::new(P::new(endpoint.clone()).await);
        let waits = call(&peer, 200, Some(Duration::from_millis(30))).await;
        let first = insist(&peer).await;
        let mut given_up = line(P::NAME, "callers give up after 30 ms", endpoint.requests(), &waits);
        given_up["token_after_ms"] = json!(first);
        lines.push(given_up);
    }
    for (name, is_down) in [("valid token, 50 ms to renew it", false), ("valid token, endpoint fails", true)]
    {
        let (life, wait) = P::WINDOW;
        let endpoint = Endpoint::giving(life);
        let peer = Arc::new(P::new(endpoint.clone()).await);
        peer.header().await.expect("a token");
        tokio::time::sleep(wait).await;
        endpoint.change(if is_down { 5 } else { 50 }, is_down);
        let waits = call(&peer, if is_down { callers / 10 } else { callers }, None).await;
        lines.push(line(P::NAME, name, endpoint.requests(), &waits));
    }
}

/// How long each caller waited, in milliseconds, and whether it got a token.
type Waits = Vec<(f64, bool)>;

async fn call<P: Peer>(peer: &Arc<P>, callers: usize, patience: Option<Duration>) -> Waits {
    let start = Instant::now();
    let calls: Vec<_> = (0..callers)
        .map(|_| {
            let peer = peer.clone();
            tokio::spawn(async move {
                let got = match patience {
                    Some(patience) => {
                        tokio::time::timeout(patience, peer.header()).await.is_ok_and(|header| header.is_ok())
                    }
                    None => peer.header().await.is_ok(),
                };
                (start.elapsed().as_secs_f64() * 1e3, got)
            })
        })
        .collect();
    finish(calls).await
}

async fn control(callers: usize) -> Waits {
    let start = Instant::now();
    let calls = (0..callers)
        .map(|_| tokio::spawn(async move { (start.elapsed().as_secs_f64() * 1e3, true) }))
        .collect();
    finish(calls).await
}

async fn finish(calls: Vec<tokio::task::JoinHandle<(f64, bool)>>) -> Waits {
    let mut waits = Vec::with_capacity(calls.len());
    for call in calls {
        waits.push(call.await.expect("a caller does not panic"));
    }
    waits
}

/// Asks again and again with little patience, for a second and a half; after how many milliseconds there is a token.
async fn insist<P: Peer>(peer: &Arc<P>) -> Option<f64> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1_500) {
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(30), peer.header()).await {
            return Some(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    None
}

fn line(peer: &str, storm: &str, requests: usize, waits: &Waits) -> Value {
    let times = || waits.iter().map(|(time, _)| *time).collect::<Vec<_>>();
    json!({
        "peer": peer,
        "storm": storm,
        "requests": requests,
        "failures": waits.iter().filter(|(_, got)| !got).count(),
        "p99_ms": quantile(times(), 0.99),
        "last_ms": quantile(times(), 1.0),
    })
}
