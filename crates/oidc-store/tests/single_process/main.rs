//! `SingleProcess` against the contract, and against what happens to processes and to disks.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod notes;
