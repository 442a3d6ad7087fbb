//! Text from outside that people may read.

use std::fmt;

/// Text that came from the provider or through the browser, such as an `error_description`: anyone may have written it.
///
/// Cut to [`MAX_CHARS`](Self::MAX_CHARS) characters when it is made. `Display` and `Debug` write control characters, line ends and
/// invisible or direction-changing characters as escapes, so that it cannot forge log lines or steer a terminal. It is not
/// escaped for HTML.
#[derive(Clone, PartialEq, Eq)]
pub struct Untrusted(String);

impl Untrusted {
    /// The most characters that are kept.
    pub const MAX_CHARS: usize = 256;

    /// Takes the first [`MAX_CHARS`](Self::MAX_CHARS) characters.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().take(Self::MAX_CHARS).collect())
    }

    /// The text as it came: for comparing, not for showing.
    pub fn as_untrusted_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if is_harmless(character) {
                write!(f, "{character}")
            } else {
                write!(f, "{}", character.escape_unicode())
            }
        })
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted(\"{self}\")")
    }
}

/// Neither a control character nor one that is unseen or changes the order of what is seen.
fn is_harmless(character: char) -> bool {
    let deceives = matches!(character,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}');
    !character.is_control() && !deceives
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // AUT-11
    #[test]
    fn what_steers_a_terminal_or_forges_a_line_is_escaped() {
        let text = Untrusted::new("a\r\nERROR \u{1b}[31mred\u{202e}txt\u{85}");
        let shown = r"a\u{d}\u{a}ERROR \u{1b}[31mred\u{202e}txt\u{85}";
        assert_eq!(text.to_string(), shown);
        assert_eq!(format!("{text:?}"), format!("Untrusted(\"{shown}\")"));
    }

    // AUT-11
    #[test]
    fn a_megabyte_is_cut() {
        let text = Untrusted::new(&"ä".repeat(1 << 20));
        assert_eq!(text.as_untrusted_str().chars().count(), Untrusted::MAX_CHARS);
    }

    proptest! {
        // AUT-11
        #[test]
        fn nothing_shown_is_a_control_character(text in any::<String>()) {
            let shown = Untrusted::new(&text).to_string();
            prop_assert!(shown.chars().all(is_harmless));
        }
    }
}
