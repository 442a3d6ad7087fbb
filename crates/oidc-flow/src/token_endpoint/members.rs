//! The members of a token answer, JSON or form.

use std::{borrow::Cow, fmt, time::Duration};

use oidc_core::{Scopes, Secret};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use url::form_urlencoded;

/// The members of an answer, in order. Values are looked at only when they are asked for: whatever is odd costs itself and nothing
/// beside it.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

enum Raw<'a> {
    Json(&'a RawValue),
    Form(Cow<'a, str>),
}

/// A member that should be text.
#[derive(PartialEq, Eq)]
pub(crate) enum Text {
    /// Not there, `null` or empty.
    Absent,
    /// There.
    Is(Secret),
    /// There, but not as text, or more than once.
    Odd,
}

impl<'a> Members<'a> {
    /// Reads one JSON object, whatever the content type says, or a form where it says so. `None` for anything else, such as a page,
    /// a list, something cut short or something followed by something else.
    pub(crate) fn read(body: &'a [u8], is_form: bool) -> Option<Self> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        if body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(body).ok();
        }
        let is_text = body.is_ascii() && !body.trim_ascii().is_empty();
        (is_form && is_text).then(|| {
            let pairs = form_urlencoded::parse(body.trim_ascii());
            Self(pairs.map(|(name, value)| (name, Raw::Form(value))).collect())
        })
    }

    /// Whether any member is there more than once.
    pub(crate) fn has_duplicates(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
    }

    /// The member `name` as text.
    pub(crate) fn text(&self, name: &str) -> Text {
        let mut all = self.0.iter().filter(|(other, _)| other == name);
        match (all.next(), all.next()) {
            (None, _) => Text::Absent,
            (Some((_, value)), None) => value.text(),
            (Some(_), Some(_)) => Text::Odd,
        }
    }

    /// `expires_in`. Zero says nothing, because nobody issues a token that has ended; some providers send it for "no end".
    pub(crate) fn expires_in(&self) -> Option<Duration> {
        self.seconds("expires_in")
    }

    /// `refresh_in`: after how long Microsoft wishes to see a token renewed.
    pub(crate) fn refresh_in(&self) -> Option<Duration> {
        self.seconds("refresh_in")
    }

    /// How long the refresh token lives, in the words of Keycloak, of GitHub, LinkedIn and AD FS, and of Intuit. Zero is Keycloak's
    /// "no end", and so is what is longer than [`LONGEST_LOGIN`].
    pub(crate) fn refresh_expires_in(&self) -> Option<Duration> {
        ["refresh_expires_in", "refresh_token_expires_in", "x_refresh_token_expires_in"]
            .into_iter()
            .find_map(|name| self.seconds(name))
            .filter(|life| *life <= LONGEST_LOGIN)
    }

    /// Whether the member at `place` is `text`, or a number or boolean that is written so. A place is a name, or names of members and
    /// numbers of list items with a slash before each: `/errors/0/code`.
    pub(crate) fn says(&self, place: &str, text: &str) -> bool {
        let (name, inside) = match place.strip_prefix('/') {
            Some(path) => path.split_at(path.find('/').unwrap_or(path.len())),
            None => (place, ""),
        };
        let mut all = self.0.iter().filter(|(other, _)| other == name);
        let (Some((_, value)), None) = (all.next(), all.next()) else { return false };
        match value {
            Raw::Form(value) => inside.is_empty() && value == text,
            Raw::Json(raw) => {
                serde_json::from_str::<Value>(raw.get()).is_ok_and(|value| match value.pointer(inside) {
                    Some(Value::String(value)) => value == text,
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                        serde_json::from_str::<Value>(text).is_ok_and(|text| text == *value)
                    }
                    _ => false,
                })
            }
        }
    }

    /// The member `name` as a time in seconds: a number, or text that is one. Zero, negative and unreadable ones say nothing.
    fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds = match self.value(name)? {
            Raw::Form(text) => text.trim().parse::<f64>().ok()?,
            Raw::Json(raw) => match raw.get().parse::<f64>() {
                Ok(seconds) => seconds,
                Err(_) => serde_json::from_str::<String>(raw.get()).ok()?.trim().parse().ok()?,
            },
        };
        Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
    }

    /// `scope`: a list separated by spaces, or a JSON list. `None` where it is left out or is neither; empty means no scopes.
    pub(crate) fn scopes(&self) -> Option<Scopes> {
        match self.value("scope")? {
            Raw::Form(text) => Some(Scopes::parse(text)),
            Raw::Json(raw) => match serde_json::from_str(raw.get()).ok()? {
                ScopeMember::Text(text) => Some(Scopes::parse(&text)),
                ScopeMember::List(list) => Some(Scopes::parse(&list.join(" "))),
            },
        }
    }

    fn value(&self, name: &str) -> Option<&Raw<'a>> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

impl Raw<'_> {
    fn text(&self) -> Text {
        let text = match self {
            Raw::Form(text) => Secret::from(text.as_ref()),
            Raw::Json(raw) if raw.get() == "null" => return Text::Absent,
            Raw::Json(raw) => match serde_json::from_str::<String>(raw.get()) {
                Ok(text) => Secret::from(text),
                Err(_) => return Text::Odd,
            },
        };
        if text.is_empty() { Text::Absent } else { Text::Is(text) }
    }
}

impl Text {
    /// The text, if it is one.
    pub(crate) fn into_option(self) -> Option<Secret> {
        match self {
            Self::Is(text) => Some(text),
            Self::Absent | Self::Odd => None,
        }
    }
}

/// A login that lasts longer has no end that anybody would be warned of.
const LONGEST_LOGIN: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeMember {
    Text(String),
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((Cow::Owned(name), Raw::Json(value)));
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expires_in(value: &str) -> Option<Duration> {
        let body = format!(r#"{{"expires_in":{value}}}"#);
        Members::read(body.as_bytes(), false).unwrap().expires_in()
    }

    fn scopes(value: &str) -> Option<Scopes> {
        let body = format!(r#"{{"scope":{value}}}"#);
        Members::read(body.as_bytes(), false).unwrap().scopes()
    }

    // TOK-02
    #[test]
    fn lifetimes_are_tolerant_in_form() {
        let hour = Some(Duration::from_secs(3600));
        for good in ["3600", "3600.0", "3.6e3", r#""3600""#, r#"" 3600 ""#, r#""3600.0""#] {
            assert_eq!(expires_in(good), hour, "{good}");
        }
        assert_eq!(expires_in("0.5"), Some(Duration::from_millis(500)));
        for silent in [
            "null",
            "0",
            "-0",
            "-1",
            "-1e300",
            "1e-300",
            "1e400",
            r#""""#,
            r#""soon""#,
            r#""inf""#,
            r#""NaN""#,
            "true",
            "[]",
            "[60]",
            "{}",
            r#"{"a":60}"#,
        ] {
            assert_eq!(expires_in(silent), None, "{silent}");
        }
    }

    // REF-18
    #[test]
    fn the_life_of_a_refresh_token_has_several_names() {
        let life = |body: &str| Members::read(body.as_bytes(), false).unwrap().refresh_expires_in();
        for (body, seconds) in [
            (r#"{"refresh_expires_in":1800}"#, Some(1800)),
            (r#"{"refresh_token_expires_in":"15811200"}"#, Some(15_811_200)),
            (r#"{"x_refresh_token_expires_in":8726400}"#, Some(8_726_400)),
            (r#"{"refresh_expires_in":0,"expires_in":60}"#, None),
            (r#"{"refresh_expires_in":-1}"#, None),
            (r#"{"refresh_expires_in":"never"}"#, None),
            (r#"{"refresh_expires_in":1e12}"#, None),
            (r#"{"expires_in":60}"#, None),
        ] {
            assert_eq!(life(body), seconds.map(Duration::from_secs), "{body}");
        }
    }

    #[test]
    fn a_place_is_a_name_or_a_way_to_it() {
        let body = r#"{"error":"a","status":400,"errors":[{"code":"b","final":true}],"twice":"c","twice":"c","x/y":1}"#;
        let members = Members::read(body.as_bytes(), false).unwrap();
        for (place, text) in [
            ("error", "a"),
            ("/error", "a"),
            ("status", "400"),
            ("/errors/0/code", "b"),
            ("/errors/0/final", "true"),
        ] {
            assert!(members.says(place, text), "{place}");
            assert!(!members.says(place, "x"), "{place}");
            assert!(!members.says(place, ""), "{place}");
        }
        for (place, text) in [
            ("twice", "c"),
            ("errors", "b"),
            ("/errors/1/code", "b"),
            ("/errors/0", "b"),
            ("", "a"),
            ("Error", "a"),
        ] {
            assert!(!members.says(place, text), "{place}");
        }
        let form = Members::read(b"error=a&b=c", true).unwrap();
        assert!(form.says("error", "a") && form.says("/b", "c") && !form.says("/b/0", "c"));
    }

    // TOK-12
    #[test]
    fn scopes_are_a_text_or_a_list() {
        for good in [r#""a b""#, r#"" b  a ""#, r#"["a","b"]"#, r#"["b a"]"#, r#""a a b""#] {
            assert_eq!(scopes(good), Some(Scopes::parse("a b")), "{good}");
        }
        assert_eq!(scopes(r#""""#), Some(Scopes::default()));
        assert_eq!(scopes("[]"), Some(Scopes::default()));
        for silent in ["null", "3", "{}", "[1]", "true"] {
            assert_eq!(scopes(silent), None, "{silent}");
        }
    }

    // TOK-08, TOK-20
    #[test]
    fn what_is_not_one_json_object_is_nothing() {
        let whole = r#"{"access_token":"a","refresh_token":"r"}"#;
        assert!(Members::read(whole.as_bytes(), false).is_some());
        for end in 0..whole.len() {
            assert!(Members::read(&whole.as_bytes()[..end], false).is_none(), "{end}");
        }
        let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bad in
            [&format!("{whole}{whole}"), &format!("{whole} x"), "[]", "\"a\"", "<html></html>", "null", "a=b"]
        {
            assert!(Members::read(bad.as_bytes(), false).is_none(), "{bad}");
        }
        assert!(Members::read(&utf16, false).is_none());
        assert!(Members::read(b"{\"access_token\":\"\xFF\"}", false).is_none());
    }

    #[test]
    fn names_are_compared_as_they_are_meant() {
        let body = br#"{"refresh\u005ftoken":"r","a":1,"\u0061":2}"#;
        let members = Members::read(body, false).unwrap();
        assert!(members.text("refresh_token") == Text::Is(Secret::from("r")));
        assert!(members.has_duplicates());
    }

    proptest! {
        #[test]
        fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..200), is_form: bool) {
            if let Some(members) = Members::read(&body, is_form) {
                let _ = (members.expires_in(), members.scopes(), members.has_duplicates());
                let _ = (members.refresh_in(), members.refresh_expires_in(), members.says("/a/0", "b"));
            }
        }

        #[test]
        fn an_odd_member_costs_only_itself(odd in "[-0-9eE.]{1,8}|\"\\\\ud800\"|\\[\\[\\]\\]|true") {
            let body = format!(r#"{{"odd":{odd},"refresh_token":"r"}}"#);
            if let Some(members) = Members::read(body.as_bytes(), false) {
                prop_assert!(members.text("refresh_token") == Text::Is(Secret::from("r")));
            } else {
                prop_assert!(serde_json::from_str::<&RawValue>(&odd).is_err());
            }
        }
    }
}
