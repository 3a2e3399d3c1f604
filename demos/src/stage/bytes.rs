//! Bytes as a reader sees them.

/// Bytes per row of a picture: the size of a block in the first demo, so that a row is a block.
pub const ROW: usize = 64;

/// Printable ASCII as it is, everything else as a dot.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            0x20..=0x7e => char::from(byte),
            _ => '.',
        })
        .collect()
}

/// A text in quotes, as it stands in notes.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The string that starts here and ends before the first NUL, as C reads it.
#[must_use]
pub fn c_string(bytes: &[u8]) -> String {
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// The offsets at which two pictures of the same memory differ.
#[must_use]
pub fn changed(before: &[u8], after: &[u8]) -> Vec<usize> {
    assert_eq!(
        before.len(),
        after.len(),
        "two pictures of different lengths"
    );
    (0..before.len())
        .filter(|&offset| before[offset] != after[offset])
        .collect()
}

/// `116..128` for offsets that follow each other, else all of them; `none` for none.
#[must_use]
pub fn ranges(offsets: &[usize]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for run in offsets.chunk_by(|a, b| a + 1 == *b) {
        match run {
            [one] => parts.push(one.to_string()),
            [first, .., last] => parts.push(format!("{first}..={last}")),
            [] => {}
        }
    }
    if parts.is_empty() {
        "none".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests;
