//! Parts a forked child from what it shares with its parent: output, file positions. What cannot be parted is named.

use crate::channel::{Channel, rerun};
use crate::sys::{self, sys};
use core::sync::atomic::Ordering::Relaxed;

const O_ACCMODE: usize = 3;
const O_CLOEXEC: usize = 0x80000;
const F_GETFD: usize = 1;
const F_GETFL: usize = 3;
const SEEK_SET: usize = 0;
const SEEK_CUR: usize = 1;
/// Status flags that are kept when a file is opened again: append, non-blocking, direct and no-access-time.
const KEPT_FLAGS: usize = 0o2000 | 0o4000 | 0o40000 | 0o1000000;

/// `stat`, of which device, inode and mode are used.
type Stat = [u64; 18];

fn stat(descriptor: usize) -> Option<Stat> {
    let mut stat = [0; 18];
    // SAFETY: a stat has 18 words.
    let result = unsafe { sys!(sys::FSTAT, descriptor, stat.as_mut_ptr()) };
    (result == 0).then_some(stat)
}

fn is_same_file(a: &Stat, b: &Stat) -> bool {
    a[0] == b[0] && a[1] == b[1]
}

/// Gives this child its own output and its own file positions. Returns one of [`rerun`].
pub fn from_parent(channel: &Channel, slot: usize) -> u32 {
    let point = &channel.points[slot];
    let output = stat(1).filter(is_regular);
    let errors = stat(2).filter(is_regular);
    point.out_before.store(position(1), Relaxed);
    point.err_before.store(position(2), Relaxed);
    let new = [
        capture(channel, slot, b".out"),
        capture(channel, slot, b".err"),
    ];
    let [Some(out), Some(err)] = new else {
        return rerun::REFUSED;
    };
    let verdict = each_descriptor(|descriptor| {
        if descriptor == out || descriptor == err {
            return rerun::NO;
        }
        let Some(there) = stat(descriptor) else {
            return rerun::NO;
        };
        if errors.is_some_and(|file| is_same_file(&file, &there)) {
            replace(descriptor, err)
        } else if output.is_some_and(|file| is_same_file(&file, &there)) {
            replace(descriptor, out)
        } else {
            part(descriptor, &there)
        }
    });
    for descriptor in new.into_iter().flatten() {
        // SAFETY: opened above, and no longer needed by this number.
        unsafe { sys!(sys::CLOSE, descriptor) };
    }
    if verdict != rerun::NO {
        return verdict;
    }
    if shares_memory(channel) {
        rerun::MAPPED
    } else {
        rerun::NO
    }
}

fn is_regular(stat: &Stat) -> bool {
    mode(stat) == 0o100_000
}

fn mode(stat: &Stat) -> u64 {
    stat[3] & 0o170_000
}

fn position(descriptor: usize) -> u64 {
    // SAFETY: asks for the position.
    let position = unsafe { sys!(sys::LSEEK, descriptor, 0, SEEK_CUR) };
    u64::try_from(position).unwrap_or(0)
}

/// Opens a new file in the command's folder, out of the way of the program's own numbers.
fn capture(channel: &Channel, slot: usize, suffix: &[u8]) -> Option<usize> {
    let mut path = Text::new();
    for byte in &channel.header.folder {
        match byte.load(Relaxed) {
            0 => break,
            byte => path.push(byte),
        }
    }
    path.push(b'/');
    path.number(slot);
    path.extend(suffix);
    // O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC. SAFETY: the path ends with a NUL.
    let file = unsafe {
        sys!(
            sys::OPEN,
            path.as_ptr(),
            0o2 | 0o100 | 0o1000 | 0o2000 | O_CLOEXEC,
            0o600
        )
    };
    usize::try_from(file).ok()
}

/// Puts `new` in the place of a descriptor, with the flag for exec as it was.
fn replace(descriptor: usize, new: usize) -> u32 {
    // SAFETY: asks for the flag.
    let flag = unsafe { sys!(sys::FCNTL, descriptor, F_GETFD, 0) };
    let flag = if flag == 1 { O_CLOEXEC } else { 0 };
    // SAFETY: both are open.
    let result = unsafe { sys!(sys::DUP3, new, descriptor, flag) };
    if result < 0 {
        rerun::REFUSED
    } else {
        rerun::NO
    }
}

/// Parts one descriptor of the program from its parent's.
fn part(descriptor: usize, there: &Stat) -> u32 {
    const DIRECTORY: u64 = 0o040_000;
    const CHARACTERS: u64 = 0o020_000;
    // SAFETY: asks for the flags.
    let flags = unsafe { sys!(sys::FCNTL, descriptor, F_GETFL, 0) } as usize;
    match mode(there) {
        CHARACTERS => rerun::NO,
        0o100_000 if flags & O_ACCMODE != 0 => rerun::SHARED,
        0o100_000 | DIRECTORY => open_again(descriptor, flags),
        // A pipe, a socket, an event, a timer.
        _ => rerun::SHARED,
    }
}

/// Opens the same file anew, at the same position.
fn open_again(descriptor: usize, flags: usize) -> u32 {
    let mut path = Text::new();
    path.extend(b"/proc/self/fd/");
    path.number(descriptor);
    let flags = flags & KEPT_FLAGS | O_CLOEXEC;
    // SAFETY: the path ends with a NUL.
    let file = unsafe { sys!(sys::OPEN, path.as_ptr(), flags, 0) };
    let Ok(file) = usize::try_from(file) else {
        return rerun::SHARED;
    };
    // SAFETY: sets the position of the new one.
    unsafe { sys!(sys::LSEEK, file, position(descriptor), SEEK_SET) };
    let result = replace(descriptor, file);
    // SAFETY: opened above.
    unsafe { sys!(sys::CLOSE, file) };
    result
}

/// Calls a function for every open descriptor until it returns something else than [`rerun::NO`].
fn each_descriptor(mut visit: impl FnMut(usize) -> u32) -> u32 {
    // O_DIRECTORY | O_CLOEXEC. SAFETY: the path ends with a NUL.
    let folder = unsafe {
        sys!(
            sys::OPEN,
            c"/proc/self/fd".as_ptr(),
            0o200_000 | O_CLOEXEC,
            0
        )
    };
    let Ok(folder) = usize::try_from(folder) else {
        return rerun::SHARED;
    };
    let mut verdict = rerun::NO;
    let mut rows = [0_u64; 256];
    'all: loop {
        // SAFETY: the kernel writes no more than the array's bytes.
        let len = unsafe {
            sys!(
                sys::GETDENTS64,
                folder,
                rows.as_mut_ptr(),
                size_of_val(&rows)
            )
        };
        if len <= 0 {
            break;
        }
        let mut at = 0;
        while at < len as usize {
            let row = rows.as_ptr().cast::<u8>().wrapping_add(at);
            // SAFETY: the length of a row stands at its byte 16, and rows lie within what was read.
            at += usize::from(unsafe { row.wrapping_add(16).cast::<u16>().read_unaligned() });
            // SAFETY: the name stands at byte 19 and ends with a NUL.
            let Some(descriptor) = (unsafe { digits(row.wrapping_add(19)) }) else {
                continue;
            };
            if descriptor != folder {
                verdict = visit(descriptor);
                if verdict != rerun::NO {
                    break 'all;
                }
            }
        }
    }
    // SAFETY: opened above.
    unsafe { sys!(sys::CLOSE, folder) };
    verdict
}

/// Reads a number up to a NUL; `None` for a name that is none.
///
/// # Safety
///
/// There is a NUL.
unsafe fn digits(mut text: *const u8) -> Option<usize> {
    let mut value = None;
    loop {
        // SAFETY: up to the NUL.
        let byte = unsafe { text.read() };
        match byte {
            b'0'..=b'9' => value = Some(value.unwrap_or(0) * 10 + usize::from(byte - b'0')),
            0 => return value,
            _ => return None,
        }
        text = text.wrapping_add(1);
    }
}

/// Whether writable memory other than the channel is shared.
fn shares_memory(channel: &Channel) -> bool {
    let own = core::ptr::from_ref(channel) as u64;
    let mut shares = false;
    crate::leak::each_mapping(|mapping| {
        shares |= mapping.writable && mapping.shared && mapping.start != own;
    });
    shares
}

/// A short text with a NUL behind it.
struct Text {
    bytes: [u8; 320],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; 320],
            len: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if self.len + 1 < self.bytes.len() {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.push(b'0' + (number % 10) as u8);
    }

    fn as_ptr(&self) -> *const u8 {
        self.bytes.as_ptr()
    }
}
