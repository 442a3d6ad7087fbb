//! Our flows at a provider that somebody else wrote: `providers NAME ISSUER`.
//!
//! Prints one line per flow, `FLOW × NAME ok` or what broke, and fails if one did. `cargo xtask providers` starts the provider, with the
//! clients of `site.rs` and a user who agrees to everything at once.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to its terminal")]

mod browser;
mod ending;
mod login;
mod machine;
mod refresh;
mod refusal;
mod report;
mod site;
mod wire;

use std::process::ExitCode;

use report::{Broken, Report};
use site::{Registered, Site};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, issuer] = arguments.as_slice() else {
        eprintln!("usage: providers NAME ISSUER");
        return ExitCode::FAILURE;
    };
    match run(name, issuer).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Broken(reason)) => {
            eprintln!("{name} is not there: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn run(name: &str, issuer: &str) -> Result<bool, Broken> {
    let site = Site::visit(issuer).await?;
    let mut report = Report::new(name);
    for client in [Registered::Public, Registered::Basic, Registered::Post] {
        report.flow(&format!("code + PKCE login, {client}"), login::logs_in(&site, client)).await;
    }
    report.flow("userinfo", login::userinfo(&site)).await;
    report.flow("refresh across three expiries", refresh::across_three_expiries(&site)).await;
    report.flow("refresh under steady load", refresh::under_steady_load(&site)).await;
    report.flow("client credentials", machine::client_credentials(&site)).await;
    report.flow("revocation", ending::revocation(&site)).await;
    report.flow("logout URL", ending::logout_url(&site)).await;
    report.flow("wrong verifier", refusal::wrong_verifier(&site)).await;
    report.flow("replayed code", refusal::replayed_code(&site)).await;
    report.flow("wrong client secret", refusal::wrong_secret(&site)).await;
    Ok(report.is_good())
}
