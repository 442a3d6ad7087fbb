//! Queries of URLs that browsers are sent to.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A query in the making. All but the unreserved characters of RFC 3986 are percent-encoded, spaces as `%20`, so that nothing has
/// to be encoded again on the way.
pub(crate) struct Query(String);

impl Query {
    /// Goes on after the query that an endpoint has of its own (RFC 6749 §3.1), which is kept as it is.
    pub(crate) fn after(own: Option<&str>) -> Self {
        Self(own.unwrap_or_default().to_owned())
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.add_as(name, value, UNRESERVED);
    }

    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// Adds scopes. They keep their slashes, which a query may contain: `banking/read`.
    pub(crate) fn add_scopes(&mut self, scopes: &[String]) {
        if !scopes.is_empty() {
            self.add_as("scope", &scopes.join(" "), UNRESERVED_AND_SLASH);
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn add_as(&mut self, name: &str, value: &str, encoded: &'static AsciiSet) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.extend(utf8_percent_encode(name, UNRESERVED));
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, encoded));
    }
}

/// What is encoded where only the unreserved characters stay.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is encoded where slashes stay as well.
const UNRESERVED_AND_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::{Url, form_urlencoded};

    use super::*;

    #[test]
    fn spaces_are_percent_20_and_what_was_there_stays() {
        let mut query = Query::after(Some("tenant=a%20b&p=c+d"));
        query.add("q", "a b+c/d&e=f~ü");
        query.add_some("none", None);
        query.add_scopes(&["openid".to_owned(), "banking/read".to_owned()]);
        query.add_scopes(&[]);
        let expected = "tenant=a%20b&p=c+d&q=a%20b%2Bc%2Fd%26e%3Df~%C3%BC&scope=openid%20banking/read";
        assert_eq!(query.as_str(), expected);
    }

    proptest! {
        #[test]
        fn a_url_takes_it_as_it_is_and_gives_it_back(pairs in prop::collection::vec(any::<(String, String)>(), 1..8)) {
            let mut query = Query::after(None);
            for (name, value) in &pairs {
                query.add(name, value);
            }
            let mut url = Url::parse("https://id.example/a").unwrap();
            url.set_query(Some(query.as_str()));
            prop_assert_eq!(url.query(), Some(query.as_str()));
            let read: Vec<_> = form_urlencoded::parse(query.as_str().as_bytes()).into_owned().collect();
            prop_assert_eq!(read, pairs);
        }
    }
}
