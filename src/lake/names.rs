//! Tables' names and the folders that hold them.
//!
//! In: a name of any spelling. Out: one folder name per name, and back. ASCII letters and
//! digits, `_`, `-` and `$` stand for themselves; everything else, and a first `_`, which
//! would hide the folder, is written as `!` and two hexadecimal digits a byte. Not `%`: every
//! store and URL on the way would read that as an escape of its own.

const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";

/// The folder of `schema.table` below the lake.
pub fn folder(schema: &str, table: &str) -> String {
    format!("{}/{}", encoded(schema), encoded(table))
}

/// A name as a folder's.
fn encoded(name: &str) -> String {
    let mut folder = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        let is_hiding = position == 0 && byte == b'_';
        if !is_hiding && (byte.is_ascii_alphanumeric() || b"_-$".contains(&byte)) {
            folder.push(char::from(byte));
        } else {
            folder.push('!');
            for digit in [byte >> 4, byte & 15] {
                folder.push(char::from(HEXADECIMAL[usize::from(digit)]));
            }
        }
    }
    folder
}

/// The name that a folder stands for; a folder of another making stands for itself.
pub fn decoded(folder: &str) -> String {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder;
    while let Some((plain, tail)) = rest.split_once('!') {
        bytes.extend_from_slice(plain.as_bytes());
        let byte = tail
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else {
            return folder.to_owned();
        };
        bytes.push(byte);
        rest = &tail[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_has_one_folder_and_comes_back() {
        for (name, expected) in [
            ("crm_events", "crm_events"),
            ("odd name", "odd!20name"),
            ("a/b", "a!2Fb"),
            ("..", "!2E!2E"),
            ("_exports", "!5Fexports"),
            ("Wow!", "Wow!21"),
            ("q\"uote", "q!22uote"),
            ("Ї", "!D0!87"),
        ] {
            assert_eq!(encoded(name), expected);
            assert_eq!(decoded(expected), name);
        }
        assert_eq!(folder("my raw", "t"), "my!20raw/t");
    }

    #[test]
    fn a_folder_of_another_making_stands_for_itself() {
        for folder in ["x!", "x!2", "x!zz", "x!FF"] {
            assert_eq!(decoded(folder), folder);
        }
    }
}
