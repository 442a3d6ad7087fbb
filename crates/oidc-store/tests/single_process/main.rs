//! `SingleProcess` against the reference store, and against what happens to processes and to disks.

#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod same_as_memory;
