//! Contenders by turns, medians of differences.

use std::time::Instant;

use allocation_counter::measure;

/// Does something so many times.
pub type Work<'a> = Box<dyn FnMut(usize) + 'a>;

/// Nanoseconds per operation over those of the first one: for each of `works` the median over `rounds`, each of which begins with
/// another one.
pub fn over_first(works: &mut [Work<'_>], rounds: usize, operations: usize) -> Vec<f64> {
    let mut differences = vec![Vec::new(); works.len()];
    for round in 0..rounds {
        let mut samples = vec![0.0; works.len()];
        for turn in 0..works.len() {
            let index = (round + turn) % works.len();
            works[index](operations / 8 + 1);
            let start = Instant::now();
            works[index](operations);
            samples[index] = start.elapsed().as_nanos() as f64 / operations as f64;
        }
        for (all, sample) in differences.iter_mut().zip(&samples) {
            all.push(sample - samples[0]);
        }
    }
    differences.into_iter().map(|all| quantile(all, 0.5)).collect()
}

/// Allocations per operation.
pub fn allocations(work: &mut Work<'_>) -> f64 {
    const OPERATIONS: usize = 1_000;
    work(OPERATIONS);
    (measure(|| work(OPERATIONS)).count_total as f64 / OPERATIONS as f64).round()
}

/// The value below which `share` of `values` are.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}
