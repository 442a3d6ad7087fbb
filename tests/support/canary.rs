//! Finding secrets in text, however they are spelled.

use std::{collections::HashMap, fmt};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// So many bytes of a secret are too many.
const WINDOW: usize = 8;

const SIEVE: usize = 1 << 20;

/// Secrets to look for: a text gives one away if it has any eight bytes of it in a row, as they are, percent-encoded, in Base64 of
/// either alphabet, in hexadecimal, or as a list of numbers.
#[derive(Default)]
pub struct Canaries {
    windows: HashMap<[u8; WINDOW], &'static str>,
    /// Where nothing is noted there is no such window: all that is said is a lot to look up.
    sieve: Vec<bool>,
}

/// What was found.
pub struct Leak {
    secret: &'static str,
    spelling: &'static str,
    place: String,
}

impl Canaries {
    /// Watches for `secret`, which is a `kind` of secret.
    ///
    /// # Panics
    /// Where it is too short to be told from chance.
    pub fn watch(&mut self, kind: &'static str, secret: &str) {
        assert!(secret.len() >= 2 * WINDOW, "a {kind} that is no canary");
        self.sieve.resize(SIEVE, false);
        for window in secret.as_bytes().windows(WINDOW) {
            self.sieve[place_in_sieve(window)] = true;
            self.windows.insert(window.try_into().unwrap(), kind);
        }
    }

    /// The kinds of secrets that are watched for.
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.windows.values().copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The first secret that `text` gives away.
    pub fn find_in(&self, text: &str) -> Option<Leak> {
        self.raw(text.as_bytes(), text, "as it is")
            .or_else(|| self.raw(&percent_decoded(text), text, "percent-encoded"))
            .or_else(|| self.in_runs(text, is_base64, base64_decoded, "in Base64"))
            .or_else(|| self.in_runs(text, |byte| byte.is_ascii_hexdigit(), hex_decoded, "in hexadecimal"))
            .or_else(|| self.in_runs(text, is_list, list_decoded, "as numbers"))
    }

    fn raw(&self, bytes: &[u8], text: &str, spelling: &'static str) -> Option<Leak> {
        let is_known = |window: &[u8]| {
            self.sieve.get(place_in_sieve(window)) == Some(&true) && self.windows.contains_key(window)
        };
        let found = bytes.windows(WINDOW).position(is_known)?;
        let secret = self.windows.get(&bytes[found..found + WINDOW])?;
        let place: String = String::from_utf8_lossy(&bytes[found.saturating_sub(120)..found]).into_owned();
        let place = if place.is_empty() { text.chars().take(120).collect() } else { place };
        Some(Leak { secret, spelling, place })
    }

    /// Looks into every run of bytes of one kind, decoded in every way that `decode` gives.
    fn in_runs(
        &self,
        text: &str,
        is_part: impl Fn(u8) -> bool,
        decode: impl Fn(&str) -> Vec<Vec<u8>>,
        spelling: &'static str,
    ) -> Option<Leak> {
        let runs = text.split(|character: char| !u8::try_from(character).is_ok_and(&is_part));
        runs.filter(|run| run.len() >= WINDOW)
            .flat_map(|run| decode(run).into_iter().map(move |bytes| (run, bytes)))
            .find_map(|(run, bytes)| self.raw(&bytes, run, spelling))
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} after {:?}", self.secret, self.spelling, self.place)
    }
}

fn place_in_sieve(window: &[u8]) -> usize {
    let number = u64::from_le_bytes(window.try_into().unwrap());
    usize::try_from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44).unwrap()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    url::form_urlencoded::parse(text.replace('&', "%26").replace('=', "%3D").as_bytes())
        .flat_map(|(name, value)| [name.into_owned().into_bytes(), value.into_owned().into_bytes()].concat())
        .collect()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Where in a group of four a run begins is not known.
fn base64_decoded(run: &str) -> Vec<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engines = [GeneralPurpose::new(&STANDARD, config), GeneralPurpose::new(&URL_SAFE, config)];
    let mut decoded = Vec::new();
    for start in 0..4 {
        let Some(run) = run.get(start..) else { break };
        let whole = run.len() - usize::from(run.len() % 4 == 1);
        decoded.extend(engines.iter().filter_map(|engine| engine.decode(&run[..whole]).ok()));
    }
    decoded
}

fn hex_decoded(run: &str) -> Vec<Vec<u8>> {
    let pairs = |run: &str| {
        let pairs = run.as_bytes().chunks_exact(2);
        pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
    };
    vec![pairs(run), pairs(&run[1..])]
}

fn is_list(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b',' | b' ' | b'\n')
}

fn list_decoded(run: &str) -> Vec<Vec<u8>> {
    vec![run.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()]
}
