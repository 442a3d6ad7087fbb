//! Forms and queries, as somebody on the wire reads them.

use std::fmt;

use url::form_urlencoded;

/// The parameters of a form body or a query, in the order in which they were sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form body or a query.
    pub fn parse(text: impl AsRef<[u8]>) -> Self {
        Self(form_urlencoded::parse(text.as_ref()).into_owned().collect())
    }

    /// The names, sorted, each as often as it is there.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The value of a parameter, if it is there once.
    ///
    /// # Panics
    /// Where it is there more than once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    /// The value of a parameter.
    ///
    /// # Panics
    /// Where it is not there, or more than once.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.names()))
    }

    /// The parameters, sorted, but for those with these names.
    pub fn without(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.retain(|(name, _)| !names.contains(name));
        pairs.sort_unstable();
        pairs
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, value))).finish()
    }
}
