//! Stamping: what the Markdown shows of the sources, it shows as they are.
//!
//! Between `<!-- stamp: FILE -->`, or `<!-- stamp: FILE#REGION -->`, and `<!-- /stamp -->` stands
//! the file, or the lines between `// stamp: REGION` and `// /stamp: REGION` in it (in a transcript:
//! the paragraph headed `── REGION`): as a code block in the file's language, or as it is for
//! Markdown. `cargo xtask book` writes it, `--check` only
//! compares. Links to files are checked too: a renderer would let a dead one pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Outcome, root};

const OPEN: &str = "<!-- stamp: ";
const CLOSE: &str = "<!-- /stamp -->";

/// Stamp, or check, every Markdown file of the workspace.
pub(crate) fn run(check: bool) -> Outcome {
    let root = root();
    let mut faults = Vec::new();
    let mut stamps = 0;
    let files = markdown_files(&root)?;
    for path in &files {
        let name = path
            .strip_prefix(&root)
            .unwrap_or(path)
            .display()
            .to_string();
        let old = read(path)?;
        let (new, count) = stamped(&root, &old).map_err(|why| format!("{name}: {why}"))?;
        stamps += count;
        if new != old && check {
            faults.push(format!("{name}: stale; run `cargo xtask book`"));
        } else if new != old {
            fs::write(path, &new).map_err(|error| format!("{name}: {error}"))?;
            println!("stamped {name}");
        }
        faults.extend(
            dead_links(path, &new).map(|link| format!("{name}: link to {link} leads nowhere")),
        );
    }
    if faults.is_empty() {
        println!(
            "{} Markdown files, {stamps} stamps: fresh, and every link to a file leads somewhere",
            files.len()
        );
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn markdown_files(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.')
            {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Return the text with every stamp renewed, and how many there are.
fn stamped(root: &Path, text: &str) -> Outcome<(String, usize)> {
    let mut out = String::new();
    let mut rest = text;
    let mut count = 0;
    while let Some(at) = rest.find(OPEN) {
        let (before, from) = rest.split_at(at);
        let source = from[OPEN.len()..].split(" -->").next().unwrap_or_default();
        let end = from
            .find(CLOSE)
            .ok_or_else(|| format!("the stamp of {source} is not closed"))?;
        let head = &from[..OPEN.len() + source.len() + " -->".len()];
        out += &format!("{before}{head}\n{}{CLOSE}", block(root, source)?);
        rest = &from[end + CLOSE.len()..];
        count += 1;
    }
    Ok((out + rest, count))
}

fn block(root: &Path, source: &str) -> Outcome<String> {
    let (file, region) = source
        .split_once('#')
        .map_or((source, None), |(file, region)| (file, Some(region)));
    let text = read(&root.join(file))?;
    let text = match region {
        Some(heading) if file.ends_with(".txt") => paragraph(&text, heading)
            .ok_or_else(|| format!("{file} has no paragraph headed {heading}"))?,
        Some(region) => {
            cut(&text, region).ok_or_else(|| format!("{file} has no region {region}"))?
        }
        None => text,
    };
    Ok(match file.rsplit('.').next() {
        Some("md") => text,
        Some("rs") => format!("```rust\n{text}```\n"),
        Some("toml") => format!("```toml\n{text}```\n"),
        Some("sh") => format!("```sh\n{text}```\n"),
        _ => format!("```text\n{text}```\n"),
    })
}

/// Return the lines of a region, without the indentation that all of them share.
fn cut(text: &str, region: &str) -> Option<String> {
    let marks = |mark: &str, line: &str| line.trim().strip_prefix(mark) == Some(region);
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !marks("// stamp: ", line))
        .skip(1)
        .take_while(|line| !marks("// /stamp: ", line))
        .filter(|line| {
            !line.trim().starts_with("// stamp: ") && !line.trim().starts_with("// /stamp: ")
        })
        .collect();
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()?;
    Some(
        lines
            .iter()
            .map(|line| format!("{}\n", line.get(indent..).unwrap_or_default()))
            .collect(),
    )
}

/// Return the lines from a heading to the next blank line.
fn paragraph(text: &str, heading: &str) -> Option<String> {
    let starts = |line: &&str| {
        line.strip_prefix("── ")
            .is_some_and(|title| title.starts_with(heading))
    };
    let mut lines = text.lines().skip_while(|line| !starts(line)).peekable();
    lines.peek()?;
    Some(
        lines
            .take_while(|line| !line.is_empty())
            .map(|line| format!("{line}\n"))
            .collect(),
    )
}

/// Return the targets of links to files that are not there.
fn dead_links<'t>(path: &'t Path, text: &'t str) -> impl Iterator<Item = &'t str> {
    let mut in_code = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !fence && !in_code
    });
    prose
        .flat_map(|line| {
            line.split("](")
                .skip(1)
                .filter_map(|after| after.split(')').next())
        })
        .filter(|link| {
            !link.contains("://") && !link.starts_with('#') && !link.starts_with("mailto:")
        })
        .filter(move |link| {
            let file = link.split('#').next().unwrap_or_default();
            !path.with_file_name(file).exists()
                && !path.parent().is_some_and(|dir| dir.join(file).exists())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_cut_and_moved_to_the_left() {
        let text = "a\n    // stamp: x\n    one\n\n        two\n    // /stamp: x\nb\n";
        assert_eq!(cut(text, "x").unwrap(), "one\n\n    two\n");
        assert_eq!(cut(text, "y"), None);
    }

    #[test]
    fn a_paragraph_ends_at_the_blank_line() {
        let text = "x\n── By hand: y\n1\n2\n\n── Then\n3\n";
        assert_eq!(paragraph(text, "By hand").unwrap(), "── By hand: y\n1\n2\n");
        assert_eq!(paragraph(text, "Then").unwrap(), "── Then\n3\n");
        assert_eq!(paragraph(text, "Never"), None);
    }

    #[test]
    fn a_stamp_replaces_what_was_between_its_marks() {
        let dir = std::env::temp_dir().join(format!("xtask-book-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("a.txt"), "hello\n").unwrap();
        let text = "x <!-- stamp: a.txt -->old<!-- /stamp --> y";
        let (new, count) = stamped(&dir, text).unwrap();
        assert_eq!(
            (new.as_str(), count),
            (
                "x <!-- stamp: a.txt -->\n```text\nhello\n```\n<!-- /stamp --> y",
                1
            )
        );
        assert_eq!(stamped(&dir, &new).unwrap().0, new);
        assert!(stamped(&dir, "<!-- stamp: a.txt --> open").is_err());
        assert!(stamped(&dir, "<!-- stamp: none.txt --><!-- /stamp -->").is_err());
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn dead_links_are_found_outside_code_only() {
        let path = root().join("README.md");
        let text =
            "[a](Cargo.toml) [b](nowhere.md#x) [c](https://example.org)\n```\n[d](no)\n```\n";
        assert_eq!(
            dead_links(&path, text).collect::<Vec<_>>(),
            ["nowhere.md#x"]
        );
    }
}
