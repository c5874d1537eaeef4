//! The form in which texts are compared: trimmed, lower-cased, blank is null.
//!
//! In: a text as it stands in the lake. Out: its normalised form, borrowed wherever the
//! text already has it, which is nearly always.

use std::borrow::Cow;

/// `text` without white space at its ends, null when nothing is left.
///
/// White space is what Unicode calls so, the no-break space included.
///
/// ```
/// assert_eq!(touchpath::platform::trimmed("\u{a0}A b\t"), Some("A b"));
/// assert_eq!(touchpath::platform::trimmed("\u{a0} "), None);
/// ```
pub fn trimmed(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// `text` trimmed and in Unicode lower case, null when blank.
///
/// ```
/// assert_eq!(touchpath::platform::normalised(" Віденська ").as_deref(), Some("віденська"));
/// ```
pub fn normalised(text: &str) -> Option<Cow<'_, str>> {
    trimmed(text).map(|text| {
        if !text.is_ascii() {
            Cow::Owned(text.to_lowercase())
        } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_case_and_outer_space_only_are_one() {
        for text in [
            "facebook",
            "Facebook",
            " FACEBOOK\n",
            "\u{2003}faceBook\u{a0}",
        ] {
            assert_eq!(normalised(text).as_deref(), Some("facebook"), "{text:?}");
        }
        assert_eq!(normalised("ФОРМА").as_deref(), Some("форма"));
        assert_eq!(normalised("a  B").as_deref(), Some("a  b"));
    }

    #[test]
    fn blank_is_null_and_a_lower_case_text_is_not_copied() {
        for blank in ["", " ", "\t\r\n", "\u{a0}\u{2003}\u{3000}"] {
            assert_eq!(normalised(blank), None, "{blank:?}");
        }
        assert!(matches!(
            normalised(" tiktok "),
            Some(Cow::Borrowed("tiktok"))
        ));
    }
}
