//! Name resolution that gives only addresses that may be connected to.

use std::{error::Error, fmt, io, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::AddressPolicy;

/// Resolves by another resolver, and leaves out what the policy does not allow. The addresses it gives are
/// the ones that are used, so that a name cannot be checked as one address and used as another.
pub(super) struct GuardedResolver {
    inner: Arc<dyn Resolve>,
    policy: AddressPolicy,
}

impl GuardedResolver {
    pub(super) fn new(inner: Arc<dyn Resolve>, policy: AddressPolicy) -> Self {
        Self { inner, policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, policy) = (self.inner.resolve(name), self.policy);
        Box::pin(async move {
            let (good, denied): (Vec<_>, Vec<_>) =
                resolving.await?.partition(|address| policy.allows(address.ip()));
            if good.is_empty() && !denied.is_empty() {
                return Err(AddressDenied.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// The system's resolver.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is put in later.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// All addresses of a name are denied.
#[derive(Debug)]
pub(super) struct AddressDenied;

impl fmt::Display for AddressDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name resolves to addresses that are not allowed")
    }
}

impl Error for AddressDenied {}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let found: Vec<SocketAddr> =
                self.0.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect();
            Box::pin(std::future::ready(Ok(Box::new(found.into_iter()) as Addrs)))
        }
    }

    async fn resolve(found: &'static [&'static str]) -> Option<Vec<String>> {
        let resolver = GuardedResolver::new(Arc::new(Fixed(found)), AddressPolicy::default());
        match resolver.resolve("id.example".parse().unwrap()).await {
            Ok(addresses) => Some(addresses.map(|address| address.ip().to_string()).collect()),
            Err(error) => {
                assert!(error.is::<AddressDenied>());
                None
            }
        }
    }

    // DIS-06
    #[tokio::test]
    async fn of_a_mixed_answer_only_the_good_addresses_are_used() {
        assert_eq!(resolve(&["10.0.0.1", "1.1.1.1", "::1"]).await, Some(vec!["1.1.1.1".to_owned()]));
        assert_eq!(resolve(&["10.0.0.1", "fe80::1"]).await, None);
        assert_eq!(resolve(&[]).await, Some(Vec::new()));
    }
}
