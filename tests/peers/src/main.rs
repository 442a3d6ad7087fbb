//! The crates that do what this project does, measured beside it in one process.
//!
//! 1. What attaching a cached, valid token of 1,200 bytes adds to a request over the bare service: nanoseconds and allocations on one
//!    thread. A contender that is a layer is measured as it is; of one that hands out tokens, the shortest code that asks for the
//!    token and puts it into the header is measured with it.
//! 2. What a contender does in a storm: how many token requests there are, and how long callers wait.
//!
//! Every contender is used with its defaults, retries off where it retries. The token endpoint is a function of this process.
//!
//! Left out, because each needs a server, a key or a cluster instead of such a function: google-cloud-auth and yup-oauth2 (they speak
//! to a token endpoint with an HTTP client of their own), and kube-client (its layer is made from a cluster's configuration, and its
//! types take longer to build than all that is here).
//!
//! Usage: `oidc-peers [--quick] FILE`; the result goes to the terminal and, as JSON, into FILE.

mod aliri;
mod aws;
mod azure;
mod cached;
mod endpoint;
mod measure;
mod ours;
mod peer;
mod request;
mod static_header;
mod storm;

use serde_json::json;

const LEFT_OUT: [&str; 3] = ["google-cloud-auth", "kube-client", "yup-oauth2"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let file = arguments
        .iter()
        .find(|argument| !argument.starts_with('-'))
        .expect("the name of a file for the result");
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
        "left out, because they cannot be driven without a server, a key or a cluster: {}",
        LEFT_OUT.join(", ")
    );

    let result = json!({"cached": cached, "storms": storms, "left_out": LEFT_OUT});
    std::fs::write(file, format!("{result:#}\n")).expect("the file can be written");
}
