//! Where browsers may be sent back to.

use oidc_core::{ConfigError, is_allowed_url};
use url::Url;

/// Checks a URI that a provider will redirect a browser to: `https`, `http` on this machine, or an app's own scheme (RFC 8252 §7),
/// without fragment (RFC 6749 §3.1.2).
///
/// # Errors
/// [`ConfigError::Url`] for the setting `field`.
pub(crate) fn check(field: &'static str, uri: &str) -> Result<(), ConfigError> {
    const NOT_AN_APPS: [&str; 9] =
        ["about", "blob", "data", "file", "ftp", "javascript", "vbscript", "ws", "wss"];
    let refuse = |reason| Err(ConfigError::Url { field, reason });
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("not visible ASCII");
    }
    let Ok(url) = Url::parse(uri) else { return refuse("not an absolute URL") };
    if url.fragment().is_some() {
        return refuse("has a fragment");
    }
    match url.scheme() {
        "http" | "https" if is_allowed_url(&url, true) => Ok(()),
        "http" | "https" => refuse("plain http to another machine"),
        scheme if NOT_AN_APPS.contains(&scheme) => refuse("not a scheme of an app"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_go_to_safe_places() {
        for good in [
            "https://app.example/callback",
            "https://app.example/callback?tenant=a%20b",
            "http://127.0.0.1:8080/callback",
            "http://[::1]/callback",
            "http://localhost/callback",
            "com.example.app:/callback",
            "myapp://callback",
        ] {
            assert_eq!(check("redirect_uri", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "/callback",
            "app.example/callback",
            "http://app.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "https://app.example/callback#",
            "https://app.example/call back",
            "https://app.example/callback\n",
            "https://äpp.example/callback",
            "https:///",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
        ] {
            assert!(check("redirect_uri", bad).is_err(), "{bad}");
        }
    }
}
