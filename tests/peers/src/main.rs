//! The crates that do what this project does, measured beside it in one process.
//!
//! 1. What attaching a cached, valid token of 1,200 bytes adds to a request over the bare service: nanoseconds and allocations on one
//!    thread. A contender that is a layer is measured as it is; of one that hands out tokens, the shortest code that asks for the
//!    token and puts it into the header is measured with it.
//! 2. What a contender does in a storm: how many token requests there are, and how long callers wait.
//!
//! Every contender is used with its defaults, retries off where it retries. The token endpoint is a function of this process;
//! google-cloud-auth and yup-oauth2, which bring an HTTP client of their own, reach the same function over loopback, and what that
//! costs is in their waits. yup-oauth2 also signs every request with the key of a service account.
//!
//! Not in the storms: tower-http and kube-client. The first manages no token; the second takes its token from a file, as in a pod, and
//! makes no token request. aliri_tokens is not there before it has its first token, so it is in the storms with a valid token alone.
//!
//! Usage: `oidc-peers [--quick] FILE`; the result goes to the terminal and, as JSON, into FILE.

mod aliri;
mod aws;
mod azure;
mod cached;
mod endpoint;
mod google;
mod kube;
mod measure;
mod ours;
mod peer;
mod request;
mod server;
mod static_header;
mod storm;
mod yup;

use aliri::Aliri;
use peer::Peer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let file = arguments
        .iter()
        .find(|argument| !argument.starts_with('-'))
        .expect("the name of a file for the result");
    allow_connections();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");

    let cached = cached::run(&runtime, quick);
    println!("\n{}", cached::table(&cached));
    let storms = storm::run(&runtime, quick);
    println!("{}", storm::table(&storms));
    println!(
        "not in the storms: {} (it manages no token), {} (it makes no token request)",
        static_header::NAME,
        kube::NAME,
    );
    println!("not in those without a token: {} (it is not there before it has one)", Aliri::NAME);

    let result = json!({"cached": cached, "storms": storms});
    std::fs::write(file, format!("{result:#}\n")).expect("the file can be written");
}

/// A contender may open a connection for each of its callers: this process takes as many files as it may.
fn allow_connections() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where the system says no, the limit stays, and a contender that needs more has failures.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
