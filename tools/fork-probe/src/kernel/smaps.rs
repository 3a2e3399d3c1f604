//! `/proc/PID/smaps`: what each mapping costs, and who else pays.

use std::io;
use std::iter::Sum;
use std::ops::{Add, Range};

use nix::unistd::Pid;

use super::proc_path;

/// The account of some mappings, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Account {
    /// Address space.
    pub size: usize,
    /// Resident: what is in this page table.
    pub rss: usize,
    /// The proportional share: each page divided by the number of page tables that have it.
    pub pss: usize,
    /// In this page table alone, and not written since the kernel last looked.
    pub private_clean: usize,
    /// In this page table alone, and written.
    pub private_dirty: usize,
    /// In other page tables as well, and not written.
    pub shared_clean: usize,
    /// In other page tables as well, and written.
    pub shared_dirty: usize,
    /// Mapped by huge pages.
    pub huge: usize,
}

impl Account {
    /// Return what other page tables have as well.
    #[must_use]
    pub fn shared(&self) -> usize {
        self.shared_clean + self.shared_dirty
    }

    /// Return what this page table has alone.
    #[must_use]
    pub fn private(&self) -> usize {
        self.private_clean + self.private_dirty
    }

    fn field(&mut self, name: &str) -> Option<&mut usize> {
        Some(match name {
            "Size" => &mut self.size,
            "Rss" => &mut self.rss,
            "Pss" => &mut self.pss,
            "Private_Clean" => &mut self.private_clean,
            "Private_Dirty" => &mut self.private_dirty,
            "Shared_Clean" => &mut self.shared_clean,
            "Shared_Dirty" => &mut self.shared_dirty,
            "AnonHugePages" => &mut self.huge,
            _ => return None,
        })
    }
}

impl Add for Account {
    type Output = Account;

    fn add(self, other: Account) -> Account {
        Account {
            size: self.size + other.size,
            rss: self.rss + other.rss,
            pss: self.pss + other.pss,
            private_clean: self.private_clean + other.private_clean,
            private_dirty: self.private_dirty + other.private_dirty,
            shared_clean: self.shared_clean + other.shared_clean,
            shared_dirty: self.shared_dirty + other.shared_dirty,
            huge: self.huge + other.huge,
        }
    }
}

impl Sum for Account {
    fn sum<I: Iterator<Item = Account>>(accounts: I) -> Account {
        accounts.fold(Account::default(), Add::add)
    }
}

/// One mapping of a process, with its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Its addresses.
    pub range: Range<usize>,
    /// Its access and kind, as in `rw-p`.
    pub access: String,
    /// A path, a name in brackets, or nothing.
    pub name: String,
    /// What it costs.
    pub account: Account,
}

impl Mapped {
    /// Tell whether the process can write there, and would write to a copy of its own.
    #[must_use]
    pub fn is_private_and_writable(&self) -> bool {
        self.access.contains('w') && self.access.ends_with('p')
    }
}

/// Read all mappings of a process, or of this one.
///
/// # Errors
///
/// No `/proc`, it is not allowed, or the process has ended.
pub fn read(pid: Option<Pid>) -> io::Result<Vec<Mapped>> {
    // The path of a file need not be UTF-8.
    let text = std::fs::read(proc_path(pid, "smaps"))?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

/// Add up the mappings that lie, at least in part, within a range of addresses.
///
/// # Errors
///
/// As [`read`].
pub fn account(pid: Option<Pid>, range: &Range<usize>) -> io::Result<Account> {
    let within = |mapped: &Mapped| mapped.range.start < range.end && range.start < mapped.range.end;
    Ok(read(pid)?
        .into_iter()
        .filter(within)
        .map(|mapped| mapped.account)
        .sum())
}

/// Read the text of smaps.
pub(crate) fn parse(text: &str) -> Vec<Mapped> {
    let mut mappings: Vec<Mapped> = Vec::new();
    for line in text.lines() {
        if let Some(mapped) = heading(line) {
            mappings.push(mapped);
        } else if let (Some((name, value)), Some(mapped)) =
            (line.split_once(':'), mappings.last_mut())
            && let Some(field) = mapped.account.field(name)
            && let Some(kib) = value.trim().strip_suffix(" kB")
            && let Ok(kib) = kib.parse::<usize>()
        {
            *field = kib * 1024;
        }
    }
    mappings
}

/// Read a line that begins a mapping: `start-end access offset device inode name`.
fn heading(line: &str) -> Option<Mapped> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let hex = |digits| usize::from_str_radix(digits, 16).ok();
    let range = hex(start)?..hex(end)?;
    let access = words.next()?.to_owned();
    let name = words.skip(3).collect::<Vec<_>>().join(" ");
    Some(Mapped {
        range,
        access,
        name,
        account: Account::default(),
    })
}

#[cfg(test)]
mod tests;
