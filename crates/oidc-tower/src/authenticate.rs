//! The grammar of `WWW-Authenticate` (RFC 9110 §11.6.1), as servers and proxies write it.

use std::borrow::Cow;

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// One challenge: a scheme and its parameters, as they were sent. A `token68` in place of the parameters is left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawChallenge<'a> {
    scheme: &'a [u8],
    params: Vec<(&'a [u8], Cow<'a, [u8]>)>,
}

impl RawChallenge<'_> {
    pub(crate) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme.as_bytes())
    }

    /// The parameter's value; the first, where there are several.
    pub(crate) fn param(&self, name: &str) -> Option<&[u8]> {
        let mut params = self.params.iter();
        params.find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| &**value)
    }
}

/// The challenges of all `WWW-Authenticate` headers, up to a number that no server needs.
///
/// What is not in the grammar is passed over up to the next comma. A comma between challenges may be missing, parameters may
/// be separated by semicolons, and a value without quotes may have characters that would need them.
pub(crate) fn parse(headers: &HeaderMap) -> Vec<RawChallenge<'_>> {
    let mut challenges = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        parse_value(Input(value.as_bytes()), &mut challenges);
    }
    challenges
}

const MOST_CHALLENGES: usize = 32;
const MOST_PARAMS: usize = 32;

fn parse_value<'a>(mut input: Input<'a>, challenges: &mut Vec<RawChallenge<'a>>) {
    let before = challenges.len();
    loop {
        input.take_while(is_separator);
        if input.0.is_empty() || challenges.len() == MOST_CHALLENGES {
            return;
        }
        let name = input.take_while(is_token);
        if name.is_empty() {
            input.skip_garbage();
            continue;
        }
        input.take_while(is_space);
        if input.eat(b'=') {
            input.take_while(is_space);
            let value = input.take_value();
            let current = challenges.get_mut(before..).and_then(<[_]>::last_mut);
            if let (Some(value), Some(current)) = (value, current)
                && current.params.len() < MOST_PARAMS
            {
                current.params.push((name, value));
            }
        } else {
            challenges.push(RawChallenge { scheme: name, params: Vec::new() });
            input.skip_token68();
        }
    }
}

#[derive(Clone, Copy)]
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take_while(&mut self, is: fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !is(*byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end).unwrap_or((self.0, b""));
        self.0 = rest;
        taken
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take_value(&mut self) -> Option<Cow<'a, [u8]>> {
        if self.eat(b'"') {
            self.take_quoted()
        } else {
            Some(self.take_while(|byte| !is_separator(byte)).into())
        }
    }

    /// What is up to the closing quote, without the backslashes; nothing where there is no closing quote.
    fn take_quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        let plain = self.take_while(|byte| byte != b'"' && byte != b'\\');
        if self.eat(b'"') {
            return Some(plain.into());
        }
        let mut value = plain.to_vec();
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            match byte {
                b'"' => return Some(value.into()),
                b'\\' => {
                    let (escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    value.push(*escaped);
                }
                _ => value.push(*byte),
            }
        }
        None
    }

    fn skip_garbage(&mut self) {
        if self.eat(b'"') {
            self.take_quoted();
        } else {
            self.take_while(|byte| byte != b',');
        }
    }

    /// Passes over what is a `token68` and cannot be the start of a parameter.
    fn skip_token68(&mut self) {
        let mut ahead = *self;
        ahead.take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte));
        ahead.take_while(|byte| byte == b'=');
        ahead.take_while(is_space);
        if matches!(ahead.0.first(), None | Some(b',')) {
            *self = ahead;
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_separator(byte: u8) -> bool {
    is_space(byte) || byte == b',' || byte == b';'
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let value = |value: &&[u8]| (WWW_AUTHENTICATE, HeaderValue::from_bytes(value).unwrap());
        values.iter().map(value).collect()
    }

    /// As `scheme a=b c=d`.
    fn read(values: &[&[u8]]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let write = |challenge: &RawChallenge<'_>| {
            let params =
                challenge.params.iter().map(|(name, value)| format!(" {}={}", text(name), text(value)));
            text(challenge.scheme) + &params.collect::<String>()
        };
        parse(&headers(values)).iter().map(write).collect()
    }

    // LAY-10
    #[test]
    fn reads_what_the_grammar_allows() {
        for (value, expected) in [
            ("", &[][..]),
            ("Bearer", &["Bearer"]),
            ("Bearer, Basic", &["Bearer", "Basic"]),
            ("Bearer realm=\"a\"", &["Bearer realm=a"]),
            ("Bearer realm = \"a\" , error=invalid_token", &["Bearer realm=a error=invalid_token"]),
            ("Basic realm=\"a, Bearer b=\\\"c\\\"\"", &["Basic realm=a, Bearer b=\"c\""]),
            (
                "Basic realm=\"simple\", Bearer error=x, scope=\"a b\"",
                &["Basic realm=simple", "Bearer error=x scope=a b"],
            ),
            ("Negotiate YIIBhg==, Bearer realm=a", &["Negotiate", "Bearer realm=a"]),
            ("Negotiate a", &["Negotiate"]),
            (", ,Bearer a=\"\",,, b=c,", &["Bearer a= b=c"]),
            ("Bearer realm=\"a\\\\b\\c\"", &["Bearer realm=a\\bc"]),
        ] {
            assert_eq!(read(&[value.as_bytes()]), expected, "{value}");
        }
        assert_eq!(read(&[b"Basic", b"Bearer a=b"]), ["Basic", "Bearer a=b"]);
    }

    // LAY-10
    #[test]
    fn reads_what_servers_write() {
        for (value, expected) in [
            ("Negotiate Bearer realm=\"a\"", &["Negotiate", "Bearer realm=a"][..]),
            ("Basic realm=\"a\" Bearer error=\"x\"", &["Basic realm=a", "Bearer error=x"]),
            ("Bearer error=\"x\"; scope=\"a\"", &["Bearer error=x scope=a"]),
            (
                "Bearer resource_metadata=https://api.example/x?y",
                &["Bearer resource_metadata=https://api.example/x?y"],
            ),
            ("Bearer realm=, error=x", &["Bearer error=x"]),
            ("Bearer realm=\"\u{e9}\", error=x", &["Bearer realm=\u{e9} error=x"]),
            ("Bearer \u{e9}, error=x", &["Bearer error=x"]),
            ("Bearer error=x, realm=\"open", &["Bearer error=x"]),
            ("Bearer error=x, realm=\"open\\", &["Bearer error=x"]),
            ("\"Bearer, a=b\", Basic", &["Basic"]),
            ("realm=\"a\"", &[]),
            ("= , =a, (){}", &[]),
        ] {
            assert_eq!(read(&[value.as_bytes()]), expected, "{value}");
        }
        assert_eq!(read(&[b"Bearer", b"realm=a"]), ["Bearer"], "a parameter belongs to its own header");
    }

    // LAY-11
    #[test]
    fn a_flood_of_challenges_is_cut_off() {
        assert_eq!(read(&["a,".repeat(10_000).as_bytes()]).len(), MOST_CHALLENGES);
        let params = format!("Bearer {}", "a=b,".repeat(10_000));
        assert_eq!(parse(&headers(&[params.as_bytes()]))[0].params.len(), MOST_PARAMS);
    }

    #[test]
    fn the_first_of_equal_parameters_counts_and_case_does_not() {
        let headers = headers(&[b"BEARER Error=a, error=b"]);
        let challenges = parse(&headers);
        assert!(challenges[0].is("Bearer"));
        assert_eq!(challenges[0].param("error"), Some(&b"a"[..]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read(
            written in prop::collection::vec(
                ("[A-Za-z][A-Za-z0-9-]{0,8}", prop::collection::vec(("[a-z_]{1,8}", "[ -~]{0,12}"), 1..4)), 1..4,
            ),
        ) {
            let write = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
            let text: Vec<_> = written.iter().map(|(scheme, params)| {
                let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}=\"{}\"", write(value))).collect();
                format!("{scheme} {}", params.join(", "))
            }).collect();
            let expected: Vec<_> = written.iter().map(|(scheme, params)| {
                scheme.clone() + &params.iter().map(|(name, value)| format!(" {name}={value}")).collect::<String>()
            }).collect();
            prop_assert_eq!(read(&[text.join(", ").as_bytes()]), expected);
        }

        #[test]
        fn nothing_makes_it_panic(
            values in prop::collection::vec(prop_oneof!["[ -~\t]{0,40}", "(Bearer|Basic|a|=|,|;|\"|\\\\| |\t|\u{ff}){0,20}"], 0..3),
        ) {
            read(&values.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
    }
}
