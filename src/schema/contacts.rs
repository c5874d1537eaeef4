//! What names a person to others: phone numbers and e-mail addresses.
//!
//! In: a contact as somebody typed it. Out: what the CRM and the ad platforms share of it, so
//! that the same person's contacts compare equal whatever table they come from, or nothing
//! where there is no contact.

use std::borrow::Cow;

/// The last digits of a phone number that tell persons apart; before them stand country code
/// and trunk prefix, which some sources write and others do not.
const PHONE_DIGITS: usize = 9;

/// A kind of contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactKind {
    /// A phone number.
    Phone,
    /// An e-mail address.
    Email,
}

impl ContactKind {
    /// The kind of a column called `phone` or `email`, in any case.
    pub fn of_column(name: &str) -> Option<Self> {
        [Self::Phone, Self::Email]
            .into_iter()
            .find(|kind| name.eq_ignore_ascii_case(kind.word()))
    }

    /// `phone` or `email`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
        }
    }

    /// The contact without what spellings differ in: a phone's last nine digits, an address
    /// trimmed and in lower case.
    ///
    /// `None` for blanks, and for phones of fewer than nine digits: `0`, `112` or a number
    /// without its area code would make strangers equal. Digits are 0 to 9 only.
    ///
    /// ```
    /// use touchpath::schema::ContactKind::{Email, Phone};
    ///
    /// assert_eq!(Phone.normal("+380 (44) 123-45-67").as_deref(), Some("441234567"));
    /// assert_eq!(Phone.normal("0441234567").as_deref(), Some("441234567"));
    /// assert_eq!(Phone.normal("123-45-67"), None);
    /// assert_eq!(Email.normal(" Olena@Example.ORG ").as_deref(), Some("olena@example.org"));
    /// assert_eq!(Email.normal("  "), None);
    /// ```
    pub fn normal(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Phone => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                let surplus = digits.len().checked_sub(PHONE_DIGITS)?;
                Some(Cow::Owned(digits[surplus..].to_owned()))
            }
            Self::Email => {
                let address = text.trim();
                (!address.is_empty()).then(|| Cow::Owned(address.to_lowercase()))
            }
        }
    }
}

/// A column of a known table that holds contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// The column's name; its type is text.
    pub column: &'static str,
    /// What it holds.
    pub kind: ContactKind,
}

/// The two columns in which every known table that has contacts holds them.
pub(super) const PHONE_AND_EMAIL: &[Contact] = &[
    Contact {
        column: "phone",
        kind: ContactKind::Phone,
    },
    Contact {
        column: "email",
        kind: ContactKind::Email,
    },
];

#[cfg(test)]
mod tests {
    use super::ContactKind::{Email, Phone};
    use super::*;

    #[test]
    fn spellings_of_one_phone_are_one() {
        for text in [
            "+380 44 123 45 67",
            "380441234567",
            "0441234567",
            "(044) 123-45-67",
            "8-10-380-44-1234567",
            "441234567",
            "тел. 044 1234567",
        ] {
            assert_eq!(Phone.normal(text).as_deref(), Some("441234567"), "{text}");
        }
    }

    #[test]
    fn what_is_no_contact_is_none() {
        for text in ["", "   ", "-", "немає", "112", "12345678", "١٢٣٤٥٦٧٨٩"] {
            assert_eq!(Phone.normal(text), None, "{text}");
        }
        for text in ["", " ", "\t\n", "\u{a0}"] {
            assert_eq!(Email.normal(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_address_is_trimmed_and_in_lower_case() {
        assert_eq!(
            Email.normal("\tЮля@Пошта.УКР\n").as_deref(),
            Some("юля@пошта.укр")
        );
    }

    #[test]
    fn contact_columns_are_known_by_their_whole_name() {
        assert_eq!(ContactKind::of_column("Phone"), Some(Phone));
        assert_eq!(ContactKind::of_column("EMAIL"), Some(Email));
        for name in ["phone2", "email_confirmed", "mobile", ""] {
            assert_eq!(ContactKind::of_column(name), None, "{name}");
        }
    }
}
