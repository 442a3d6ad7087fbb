//! The proxy that the environment names.

use reqwest::{NoProxy, Proxy};

use super::BuildError;

/// The proxy for `https` URLs. `HTTP_PROXY` is not looked at: nothing that is not encrypted goes through a
/// proxy, and in a CGI program it is what a request says.
pub(super) fn from_environment() -> Result<Option<Proxy>, BuildError> {
    let Some(url) = named(|name| std::env::var(name).ok()) else { return Ok(None) };
    Ok(Some(Proxy::https(url)?.no_proxy(NoProxy::from_env())))
}

fn named(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    names.into_iter().find_map(variable).filter(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    // DIS-20
    #[test]
    fn only_the_proxy_for_https_is_taken() {
        let find = |set: &[(&str, &str)]| {
            named(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(find(&[("HTTP_PROXY", "http://a"), ("http_proxy", "http://a")]), None);
        assert_eq!(
            find(&[("ALL_PROXY", "http://a"), ("https_proxy", "http://b")]).as_deref(),
            Some("http://b")
        );
        assert_eq!(find(&[("all_proxy", "socks5://a")]).as_deref(), Some("socks5://a"));
        assert_eq!(find(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://a")]), None);
    }
}
