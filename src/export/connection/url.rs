//! The two ways to write a database on one line: a URL, or words such as `host=db user=anna`.
//!
//! In: the text. Out: libpq's parameters as pairs, in order, values decoded; or what is wrong,
//! without a piece of the text, which may be a piece of a password.

/// Name and value of each parameter.
pub(super) type Pairs = Vec<(String, String)>;

const TWO_ATS: &str = "it has more than one `@`; one in a password is written `%40`";

/// Reads either form.
pub(super) fn parse(text: &str) -> Result<Pairs, &'static str> {
    let rest = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        Some(rest) => parse_url(rest),
        // An empty text leaves everything to the service and the variables.
        None if text.contains('=') || text.trim().is_empty() => parse_words(text),
        None => Err("it does not begin with `postgres://`"),
    }
}

/// `[user[:password]@][host[:port],…][/database][?name=value&…]`
fn parse_url(rest: &str) -> Result<Pairs, &'static str> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    // A second `@`, or one behind a slash, is most likely a password's; what stands before it
    // would then be taken, and shown, as host and database.
    if rest.matches('@').count() > 1 {
        return Err(TWO_ATS);
    }
    if database.contains('@') {
        return Err("it has a `/` before its `@`; one in a password is written `%2F`");
    }
    let mut pairs = Pairs::new();
    let mut push = |name: &str, value: &str| -> Result<(), &'static str> {
        if !value.is_empty() {
            pairs.push((name.to_owned(), decode(value)?));
        }
        Ok(())
    };
    let (credentials, hosts) = authority.split_once('@').unwrap_or(("", authority));
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    push("user", user)?;
    push("password", password)?;
    let (hosts, ports) = split_hosts(hosts)?;
    push("host", &hosts)?;
    push("port", &ports)?;
    push("dbname", database)?;
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter
            .split_once('=')
            .ok_or("one of its parameters has no `=`")?;
        let (name, value) = (decode(name)?, decode(value)?);
        if name == "ssl" && value == "true" {
            pairs.push(("sslmode".to_owned(), "require".to_owned()));
        } else {
            pairs.push((name, value));
        }
    }
    // A parameter of the query takes the place of the part before it: `?host=` is how a
    // socket's folder is written.
    pairs.reverse();
    Ok(pairs)
}

/// The hosts and the ports of `host:port,host:port`, each a list; no ports at all when none is
/// given.
fn split_hosts(text: &str) -> Result<(String, String), &'static str> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for item in text.split(',') {
        let (host, port) = match item.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or("a `[` is not closed")?;
                let port = after.strip_prefix(':').unwrap_or(after);
                (host, port)
            }
            None => item.split_once(':').unwrap_or((item, "")),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("its port is no number; a `:` in a password is written `%3A`");
        }
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) {
        String::new()
    } else {
        ports.join(",")
    };
    Ok((hosts.join(","), ports))
}

/// Undoes `%41`.
fn decode(text: &str) -> Result<String, &'static str> {
    const REASON: &str = "it has a `%` that no two hexadecimal digits follow";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(rest.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let (high, low) = (digit().ok_or(REASON)?, digit().ok_or(REASON)?);
        let decoded = high << 4 | low;
        if decoded == 0 {
            return Err("it has a `%00`");
        }
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 when decoded")
}

/// `name = value name='a value'`, with `\` before a quote or backslash.
fn parse_words(text: &str) -> Result<Pairs, &'static str> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("one of its words has no `=`")?;
        let name = name.trim_end();
        if name.contains(char::is_whitespace) {
            return Err("one of its words has no `=`");
        }
        let (value, after) = take_value(after.trim_start())?;
        pairs.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    // The last of several wins, as in libpq.
    pairs.reverse();
    Ok(pairs)
}

fn take_value(text: &str) -> Result<(String, &str), &'static str> {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut characters = quoted.unwrap_or(text).char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                let (_, escaped) = characters.next().ok_or("it ends in a `\\`")?;
                value.push(escaped);
            }
            '\'' if quoted.is_some() => return Ok((value, &text[at + 2..])),
            _ if quoted.is_none() && character.is_whitespace() => {
                return Ok((value, &text[at..]));
            }
            _ => value.push(character),
        }
    }
    if quoted.is_some() {
        return Err("a quote is not closed");
    }
    Ok((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameters sorted by name, the winner of several.
    fn parsed(text: &str) -> Result<String, &'static str> {
        let mut found = std::collections::BTreeMap::new();
        for (name, value) in parse(text)? {
            found.entry(name).or_insert(value);
        }
        let words: Vec<String> = found
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Ok(words.join(" "))
    }

    #[test]
    fn urls_are_read_as_libpq_reads_them() {
        // The examples of libpq's manual, section 34.1.1.2, and its rules.
        for (url, expected) in [
            ("postgresql://", ""),
            ("postgresql://localhost", "host=localhost"),
            ("postgresql://localhost:5433", "host=localhost port=5433"),
            ("postgresql://localhost/mydb", "dbname=mydb host=localhost"),
            (
                "postgresql://user:secret@localhost",
                "host=localhost password=secret user=user",
            ),
            (
                "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
                "application_name=myapp connect_timeout=10 dbname=otherdb host=localhost user=other",
            ),
            (
                "postgresql://host1:123,host2:456/somedb?target_session_attrs=any",
                "dbname=somedb host=host1,host2 port=123,456 target_session_attrs=any",
            ),
            (
                "postgresql:///mydb?host=localhost&port=5433",
                "dbname=mydb host=localhost port=5433",
            ),
            (
                "postgresql://[2001:db8::1234]/database",
                "dbname=database host=2001:db8::1234",
            ),
            (
                "postgresql://%2Fvar%2Flib%2Fpostgresql/dbname",
                "dbname=dbname host=/var/lib/postgresql",
            ),
            (
                "postgres://a:p%40%3A%2f@h,i:1",
                "host=h,i password=p@:/ port=,1 user=a",
            ),
            ("postgres://h/x?ssl=true", "dbname=x host=h sslmode=require"),
        ] {
            assert_eq!(parsed(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn words_are_read_as_libpq_reads_them() {
        for (words, expected) in [
            ("", ""),
            ("host=db  port = 5433", "host=db port=5433"),
            (
                r"password='it\'s \\' user=a\ b",
                r"password=it's \ user=a b",
            ),
            ("dbname='' user=a", "dbname= user=a"),
            ("host=a host=b", "host=b"),
            ("user=x@y.example", "user=x@y.example"),
        ] {
            assert_eq!(parsed(words).as_deref(), Ok(expected), "{words}");
        }
    }

    #[test]
    fn what_may_be_a_password_ends_in_no_other_place() {
        for text in [
            "s3cret",
            "postgres://anna:s3cret@s3cret@db/crm",
            "postgres://anna:12/s3cret@db/crm",
            "postgres://anna:x@db:s3cret/crm",
            "postgres://anna:s3%cret@db/crm",
            "postgres://anna:s3cret%00@db/crm",
            "postgres://anna:1?s3cret@db/crm",
            "postgres://anna@[s3cret/crm",
            "host=db s3cret user=x",
            "host=db password='s3cret",
            "host=db s3cret",
            r"password=s3cret\",
        ] {
            assert!(!parse(text).unwrap_err().contains("s3"), "{text}");
        }
    }
}
