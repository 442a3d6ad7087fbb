//! The test provider and the protected API over their real HTTP interfaces.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod support;
