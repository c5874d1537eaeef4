//! Sizes of memory, as people write them.

/// Bytes of a size: digits and `B`, `KB`, `MB`, `GB` or `TB`, powers of 1024 as memory is sold.
pub(super) fn size(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "KB" | "K" | "KIB" => 10,
        "MB" | "M" | "MIB" => 20,
        "GB" | "G" | "GIB" => 30,
        "TB" | "T" | "TIB" => 40,
        _ => return None,
    };
    let bytes = number.parse::<usize>().ok()?.checked_mul(1 << shift)?;
    (bytes > 0).then_some(bytes)
}
