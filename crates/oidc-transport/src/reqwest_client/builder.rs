//! How the transport over reqwest is set up.

use std::{fmt, sync::Arc, time::Duration};

use oidc_core::Clock;
use reqwest::{ClientBuilder, Proxy, dns::Resolve, redirect, retry};

use super::{
    BuildError, ReqwestTransport, proxy,
    resolver::{GuardedResolver, SystemResolver},
};
use crate::{address::AddressPolicy, deadline::Deadline};

/// Sets up a [`ReqwestTransport`]; made by [`ReqwestTransport::builder`].
///
/// Of what the client builder says, these are overridden: redirects, retries, proxies, decompression, connect
/// timeout, DNS resolver, verbose logging, and the acceptance of invalid certificates and host names.
/// Addresses that it gives a name with `resolve` are used without a check. A `timeout` of it that is shorter
/// than the deadline holds as well.
#[must_use]
pub struct ReqwestTransportBuilder {
    client: ClientBuilder,
    policy: AddressPolicy,
    deadline: Deadline,
    connect_timeout: Duration,
    resolver: Arc<dyn Resolve>,
    proxy: Option<Proxy>,
    system_proxy: bool,
}

impl ReqwestTransportBuilder {
    pub(super) fn new(client: ClientBuilder) -> Self {
        Self {
            client,
            policy: AddressPolicy::default(),
            deadline: Deadline::default(),
            connect_timeout: Duration::from_secs(5),
            resolver: Arc::new(SystemResolver),
            proxy: None,
            system_proxy: false,
        }
    }

    /// Connects to private addresses too (RFC 1918, RFC 4193, RFC 6598): for a provider in one's own network.
    /// Link-local addresses and those of cloud metadata services stay closed.
    pub fn allow_private_addresses(mut self) -> Self {
        self.policy.private = true;
        self
    }

    /// Connects to this machine too: for tests, and for a provider beside the program.
    pub fn allow_loopback(mut self) -> Self {
        self.policy.loopback = true;
        self
    }

    /// Sets whether requests to `https` URLs go through the proxy that the environment names in `HTTPS_PROXY`
    /// or `ALL_PROXY`, but for the hosts in `NO_PROXY`; by default they do not. Requests to `http` URLs never
    /// do.
    ///
    /// A proxy resolves names itself, so that only addresses in URLs are checked then, and the address of the
    /// proxy where it has a name.
    pub fn system_proxy(mut self, used: bool) -> Self {
        self.system_proxy = used;
        self
    }

    /// Sets a proxy, in place of those of the client builder. It resolves names itself: see
    /// [`system_proxy`](Self::system_proxy).
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets how names are resolved; by default by the system. The addresses it gives are checked.
    pub fn resolver(mut self, resolver: impl Resolve + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Sets how long it may take to connect, name resolution and TLS included; by default 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long an exchange may take in all; by default 30 s.
    pub fn deadline(mut self, total: Duration) -> Self {
        self.deadline.total = total;
        self
    }

    /// Sets the clock that the deadline is measured by; by default the system's. Connecting is always
    /// measured by the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.deadline.clock = clock;
        self
    }

    /// Builds the transport. No I/O but reading the system's root certificates, where the platform keeps them
    /// in files.
    ///
    /// # Errors
    /// Where reqwest does not take the settings, the environment's proxy is not a URL, or the root
    /// certificates cannot be read.
    pub fn build(self) -> Result<ReqwestTransport, BuildError> {
        let mut client = self
            .client
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connect_timeout(self.connect_timeout)
            .connection_verbose(false)
            .tls_danger_accept_invalid_certs(false)
            .tls_danger_accept_invalid_hostnames(false)
            .dns_resolver(GuardedResolver::new(self.resolver, self.policy))
            .no_proxy();
        if let Some(proxy) = self.proxy {
            client = client.proxy(proxy);
        }
        if self.system_proxy
            && let Some(proxy) = proxy::from_environment()?
        {
            client = client.proxy(proxy);
        }
        Ok(ReqwestTransport { client: client.build()?, policy: self.policy, deadline: self.deadline })
    }
}

impl fmt::Debug for ReqwestTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransportBuilder")
            .field("addresses", &self.policy)
            .field("deadline", &self.deadline.total)
            .field("connect_timeout", &self.connect_timeout)
            .field("system_proxy", &self.system_proxy)
            .finish_non_exhaustive()
    }
}
