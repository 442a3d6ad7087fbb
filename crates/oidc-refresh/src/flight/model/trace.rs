//! How a counterexample is shown.

use std::fmt::Write;

use oidc_core::store::{Revision, WriteId};
use stateright::Path;

use super::{Action, process::Process, provider::Tokens, scenario::Scenario, world::World};

/// What happened step by step, and what the world was after each.
pub(super) fn show(scenario: &Scenario, path: Path<World, Action>) -> String {
    let mut text = String::new();
    let mut last = None;
    for (world, action) in path.into_vec() {
        let _ = writeln!(text, "    {}", world.line());
        if let Some(action) = action {
            let _ = writeln!(text, "{action:?}");
        }
        last = Some(world);
    }
    if let Some(Err(reason)) = last.map(|world| world.ends_well(scenario)) {
        let _ = writeln!(text, "{reason}");
    }
    text
}

impl World {
    fn line(&self) -> String {
        let record = self.store.record();
        let tokens = record.payload.as_ref().map(Tokens::of);
        let mut text = format!("{} {}", revision(record.revision), tokens.map_or("nobody".into(), short));
        if let Some(claim) = record.claim {
            let state = if self.store.live_claim().is_some() { "live" } else { "ended" };
            let _ = write!(text, " claim {} on {} {state}", name(claim.attempt), revision(claim.base));
        }
        if let Some(doubt) = record.doubt {
            let _ = write!(text, " doubt {doubt}");
        }
        if let Some(cause) = record.rejected {
            let _ = write!(text, " {cause:?}");
        }
        for (index, process) in self.processes.iter().enumerate() {
            let _ = write!(text, " | {index}: {}", process.line());
        }
        text
    }
}

impl Process {
    fn line(&self) -> String {
        let memory = match (self.ledger.seen(), self.tokens()) {
            (Some(seen), Some(tokens)) => format!("{} {}", revision(seen), short(tokens)),
            _ => "cold".into(),
        };
        let Some(airborne) = &self.flight else { return memory };
        let step = format!("{:?}", airborne.step);
        let step = step.split([' ', '{', '(']).next().unwrap_or_default();
        format!("{memory}, {step} {:?} {}", airborne.gate, name(airborne.id))
    }
}

fn short(tokens: Tokens) -> String {
    format!("{}.{}/{}", tokens.family, tokens.number, tokens.access)
}

fn revision(revision: Revision) -> String {
    format!("r{}-{}", revision.counter, name(revision.tag))
}

fn name(id: WriteId) -> String {
    format!("{:x}.{}.{}", id.0[0], id.0[1], id.0[15])
}
