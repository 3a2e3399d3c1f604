//! This process's memory, as the kernel lists it.

use crate::sys::{self, sys};

/// A range of memory with one kind of access.
pub struct Mapping<'a> {
    pub start: u64,
    pub end: u64,
    pub readable: bool,
    pub writable: bool,
    pub shared: bool,
    /// Of no file, and of this process alone.
    pub anonymous: bool,
    /// The file's path, a word such as `[heap]`, or nothing.
    pub name: &'a [u8],
}

/// Bits of `procmap_query.query_flags` and `.vma_flags`.
mod flags {
    pub const READABLE: u64 = 1;
    pub const WRITABLE: u64 = 2;
    pub const SHARED: u64 = 8;
    pub const COVERING_OR_NEXT: u64 = 16;
}

/// `struct procmap_query` of Linux 6.11.
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u64,
    flags: u64,
    address: u64,
    start: u64,
    end: u64,
    found: u64,
    page_size: u64,
    offset: u64,
    inode: u64,
    device: [u32; 2],
    name_len: u32,
    build_id_len: u32,
    name: u64,
    build_id: u64,
}

const PROCMAP_QUERY: usize = 0xc068_6611;
const ENOENT: isize = -2;

/// Calls a function for each writable mapping of this process, until it returns `false`.
pub fn each_writable(mut visit: impl FnMut(&Mapping<'_>) -> bool) {
    if let Some(file) = open() {
        let end = each_queried(file, flags::WRITABLE, &mut visit);
        if end.is_err() {
            each_listed(file, |mapping| !mapping.writable || visit(mapping));
        }
        close(file);
    }
}

/// Whether writable memory other than the mapping at `own` is shared with other processes.
pub fn shares_memory(own: u64) -> bool {
    let Some(file) = open() else {
        return true;
    };
    let mut shares = false;
    let mut look = |mapping: &Mapping<'_>| {
        shares |= mapping.writable && mapping.shared && mapping.start != own;
        !shares
    };
    if each_queried(file, flags::WRITABLE | flags::SHARED, &mut look).is_err() {
        each_listed(file, look);
    }
    close(file);
    shares
}

fn open() -> Option<usize> {
    // O_CLOEXEC. SAFETY: the path ends with a NUL.
    let file = unsafe { sys!(sys::OPEN, c"/proc/self/maps".as_ptr(), 0x80000, 0) };
    usize::try_from(file).ok()
}

fn close(file: usize) {
    // SAFETY: opened by `open`.
    unsafe { sys!(sys::CLOSE, file) };
}

/// The kernel has no such query.
struct Unknown;

/// Asks for the mappings with these flags one by one: a text of all of them is many times as much work.
fn each_queried(
    file: usize,
    wanted: u64,
    visit: &mut impl FnMut(&Mapping<'_>) -> bool,
) -> Result<(), Unknown> {
    let mut name = [0_u8; 256];
    let mut address = 0;
    loop {
        let mut query = Query {
            size: size_of::<Query>() as u64,
            flags: wanted | flags::COVERING_OR_NEXT,
            address,
            name_len: name.len() as u32,
            name: name.as_mut_ptr() as u64,
            ..Query::default()
        };
        // SAFETY: the kernel writes to the query and no more than its `name_len` bytes of the name.
        let mut result = unsafe { sys!(sys::IOCTL, file, PROCMAP_QUERY, &raw mut query) };
        if result < 0 && result != ENOENT {
            // A name may be too long to be told: then nothing is asked of it.
            (query.name_len, query.name) = (0, 0);
            // SAFETY: as above.
            result = unsafe { sys!(sys::IOCTL, file, PROCMAP_QUERY, &raw mut query) };
        }
        match result {
            0.. => {}
            ENOENT => return Ok(()),
            _ => return Err(Unknown),
        }
        // The length counts a NUL, if there is a name.
        let len = (query.name_len as usize).saturating_sub(1);
        let mapping = Mapping {
            start: query.start,
            end: query.end,
            readable: query.found & flags::READABLE != 0,
            writable: query.found & flags::WRITABLE != 0,
            shared: query.found & flags::SHARED != 0,
            anonymous: query.found & flags::SHARED == 0 && query.inode == 0,
            name: name.get(..len).unwrap_or_default(),
        };
        if !visit(&mapping) {
            return Ok(());
        }
        address = query.end;
    }
}

/// Reads the list as a text.
#[cold]
#[inline(never)] // its array is not to lie on the stack of those who need it not
fn each_listed(file: usize, mut visit: impl FnMut(&Mapping<'_>) -> bool) {
    let mut text = [0_u8; 4096];
    let mut used = 0;
    loop {
        // SAFETY: the kernel writes no more than the rest of the array.
        let len = unsafe {
            sys!(
                sys::READ,
                file,
                text.as_mut_ptr().wrapping_add(used),
                text.len() - used
            )
        };
        let Ok(len @ 1..) = usize::try_from(len) else {
            break;
        };
        used += len;
        let mut start = 0;
        while let Some(line) = text[start..used].iter().position(|byte| *byte == b'\n') {
            let mapping = parse(&text[start..start + line]);
            if mapping.is_some_and(|mapping| !visit(&mapping)) {
                return;
            }
            start += line + 1;
        }
        text.copy_within(start..used, 0);
        used -= start;
    }
}

fn parse(line: &[u8]) -> Option<Mapping<'_>> {
    let mut fields = line.splitn(6, |byte| *byte == b' ');
    let mut range = fields.next()?.split(|byte| *byte == b'-');
    let start = hexadecimal(range.next()?)?;
    let end = hexadecimal(range.next()?)?;
    let access = fields.next()?;
    let inode = fields.nth(2)?;
    let rest = fields.next().unwrap_or(b"");
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    Some(Mapping {
        start,
        end,
        readable: access.first() == Some(&b'r'),
        writable: access.get(1) == Some(&b'w'),
        shared: access.get(3) == Some(&b's'),
        anonymous: access.get(3) == Some(&b'p') && inode == b"0",
        name: &rest[blanks..],
    })
}

fn hexadecimal(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok()
}
