//! Sentences broken into lines.

/// The columns that a line of prose takes at most.
const WIDTH: usize = 96;

/// Breaks a text at blanks. The first line begins with `first`, each later one with as many blanks.
#[must_use]
pub fn wrap(first: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(first.chars().count());
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut has_word = false;
    for word in text.split_ascii_whitespace() {
        let columns = line.chars().count() + 1 + word.chars().count();
        if has_word && columns > WIDTH {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            has_word = false;
        }
        if has_word {
            line.push(' ');
        }
        line.push_str(word);
        has_word = true;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests;
