//! `/proc/self/maps`: the regions of this process as the kernel lists them.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

/// Where the kernel lists the regions of the process that reads it.
pub const MAPS: &str = "/proc/self/maps";

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// From its first address to the one after its last.
    pub range: Range<usize>,
    /// As the kernel prints them: `rw-p`.
    pub permissions: String,
    /// A file, a name in brackets, or nothing for anonymous memory.
    pub name: String,
}

/// Reads and parses a file in the format of `/proc/self/maps`.
///
/// # Errors
///
/// If the file cannot be read: a process may run where no `/proc` is mounted.
pub fn read(path: &Path) -> io::Result<Vec<Mapping>> {
    // The path of a file need not be UTF-8.
    Ok(parse(&String::from_utf8_lossy(&fs::read(path)?)))
}

/// Parses rows in the format of `/proc/self/maps`; a row that has another form is left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Mapping> {
    text.lines().filter_map(row).collect()
}

/// The mapping that an address lies in.
#[must_use]
pub fn find(maps: &[Mapping], address: usize) -> Option<&Mapping> {
    maps.iter().find(|mapping| mapping.range.contains(&address))
}

fn row(line: &str) -> Option<Mapping> {
    let mut columns = line.split_ascii_whitespace();
    let (start, end) = columns.next()?.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    let permissions = columns.next()?.to_owned();
    // Offset, device and inode come before the name.
    let name = columns.skip(3).collect::<Vec<_>>().join(" ");
    Some(Mapping {
        range: start..end,
        permissions,
        name,
    })
}

#[cfg(test)]
mod tests;
