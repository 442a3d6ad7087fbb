//! The figures, their targets, and the table of both.

use std::collections::BTreeMap;

/// One figure of the table.
pub(crate) struct Figure {
    /// What it is called in the JSON file.
    pub(crate) name: &'static str,
    /// What is compared.
    pub(crate) what: &'static str,
    /// The target: it should not be higher.
    pub(crate) at_most: f64,
}

/// Figures by name.
pub(crate) type Measured = BTreeMap<String, f64>;

const fn figure(name: &'static str, at_most: f64, what: &'static str) -> Figure {
    Figure { name, what, at_most }
}

/// All figures, in the order of the table.
pub(crate) const FIGURES: &[Figure] = &[
    figure(
        "layer_1t_over_static",
        2.5,
        "what the layer with a fresh token adds to a request (replay off), over what tower-http's static header adds; 1 thread",
    ),
    figure(
        "layer_default_1t_over_static",
        7.0,
        "the same with the default replay, which keeps a copy of the head",
    ),
    figure("layer_2t_over_static", 2.0, "the same without replay, 2 threads that share one layer"),
    figure("layer_allocs", 0.0, "heap allocations that the layer adds to a request, replay off"),
    figure("layer_replay_allocs", 2.0, "heap allocations that it adds with the default replay"),
    figure(
        "user_hot_over_layer",
        1.5,
        "what a request costs that names its user, one of 1,000, over the layer with a single token",
    ),
    figure(
        "user_million_over_map",
        0.6,
        "the same with one of a million users, over a look-up in a DashMap that attaches a header; 2 threads",
    ),
    figure(
        "bytes_per_user_over_raw",
        1.25,
        "memory for an idle user in a pool of a million, over the login's strings (1,339 bytes)",
    ),
    figure(
        "storm_ok_requests",
        1.0,
        "10,000 callers and an ended token, the endpoint answers in 50 ms: token requests",
    ),
    figure("storm_ok_p99_over_endpoint", 1.4, "their 99th percentile, over the 50 ms"),
    figure("storm_fail_requests", 1.0, "1,000 callers, the endpoint answers 503 after 5 ms: token requests"),
    figure("storm_fail_p99_over_endpoint", 2.5, "their 99th percentile, over the 5 ms"),
    figure(
        "storm_window_p99_over_control",
        2.0,
        "10,000 callers while a good token is renewed, or cannot be: 99th percentile, over tasks that do nothing",
    ),
    figure(
        "storm_cancel_requests",
        1.0,
        "200 callers who give up after 30 ms, the endpoint answers in 50 ms: requests until all have a token",
    ),
    figure(
        "e2e_cpu_us_over_static",
        0.15,
        "client CPU for a request over loopback HTTP/1.1 (64 in flight, replay off), less that with tower-http's static header, in µs",
    ),
    figure(
        "idtoken_rs256_over_aws_lc",
        1.5,
        "verifying an ID token with all checks, over aws-lc-rs's bare check of its signature, RS256",
    ),
    figure("idtoken_es256_over_aws_lc", 1.5, "the same, ES256"),
];

impl Figure {
    /// Whether `value` is good enough.
    pub(crate) fn is_reached(&self, value: f64) -> bool {
        value <= self.at_most
    }
}

/// The table for the terminal: of all figures that were measured.
pub(crate) fn table(measured: &Measured) -> String {
    let rows = FIGURES.iter().filter_map(|figure| Some((figure, *measured.get(figure.name)?)));
    rows.map(|(figure, value)| {
        let verdict = if figure.is_reached(value) { "reached" } else { "missed" };
        let (value, at_most) = (number(value), number(figure.at_most));
        format!("   {:<30} {value:>8}   <= {at_most:<5} {verdict:<8} {}\n", figure.name, figure.what)
    })
    .collect()
}

/// A number with as many digits as mean something: `0.08`, `2.31`, `12.5`, `1339`.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    match text.split_once('.') {
        Some((whole, rest)) if rest.trim_end_matches('0').is_empty() => whole.to_owned(),
        Some(_) => text.trim_end_matches('0').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        for (value, text) in [
            (0.0, "0"),
            (2.0, "2"),
            (2.5, "2.5"),
            (0.149, "0.15"),
            (12.34, "12.3"),
            (1204.6, "1205"),
            (-0.04, "-0.04"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_table_says_what_is_reached_and_what_is_not() {
        let measured = [("layer_allocs", 0.0), ("layer_replay_allocs", 3.0)];
        let text = table(&measured.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().take(5).collect()).collect();
        assert_eq!(
            lines,
            [["layer_allocs", "0", "<=", "0", "reached"], ["layer_replay_allocs", "3", "<=", "2", "missed"]]
        );
    }

    #[test]
    fn no_name_is_used_twice() {
        let names: std::collections::BTreeSet<_> = FIGURES.iter().map(|figure| figure.name).collect();
        assert_eq!(names.len(), FIGURES.len());
    }
}
