//! A JSON object that a test changes.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The members of a JSON object: of an answer that is rewritten, or of the metadata.
///
/// ```
/// use oidc_testkit::Fault;
///
/// let fault = Fault::rewrite(|answer| {
///     answer.set("expires_in", "soon");
///     answer.set("scope", ["a", "b"]);
///     answer.remove("token_type");
/// });
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Sets a member to anything that serde can write as JSON; to `null` where it cannot.
    pub fn set(&mut self, name: &str, value: impl Serialize) {
        self.0.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes all members out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).map(Self).ok()
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

impl fmt::Debug for JsonObject {
    /// The names only: the values may be tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
