//! Parts a forked child from what it shares with its parent: output, file positions. What cannot be parted is named.
//!
//! The parent looks, before it forks: the kernel has to make up what it says of a process under `/proc`, and of a new process
//! all of it. So positions are those of the moment of the fork, and the parent need not wait for its child.

use crate::channel::{self, Channel, Output, Point, rerun};
use crate::mappings;
use crate::sys::{self, sys};
use core::sync::atomic::Ordering::Relaxed;

const O_ACCMODE: usize = 3;
const O_CLOEXEC: usize = 0x80000;
const F_GETFD: usize = 1;
const F_GETFL: usize = 3;
const SEEK_SET: usize = 0;
const SEEK_CUR: usize = 1;
const SEEK_END: usize = 2;
/// Status flags that are kept when a file is opened again: append, non-blocking, direct and no-access-time.
const KEPT_FLAGS: usize = 0o2000 | 0o4000 | 0o40000 | 0o1000000;
/// How many descriptors a child can be parted from.
const PARTED: usize = 64;
/// How many files a job may leave to processes that outlive their point.
const SURVIVED: usize = 1024;

/// `stat`, of which device, inode and mode are used.
type Stat = [u64; 18];

/// What takes the place of a descriptor in a child.
#[derive(Clone, Copy)]
enum Instead {
    Output,
    Errors,
    /// The same file, opened anew with these flags.
    Again(u32),
    /// That, open by this number.
    Opened(u32),
}

/// What is to be done in a child, found out by its parent.
pub struct Parting {
    rows: [(u32, Instead); PARTED],
    len: usize,
    /// Where the child prints to, and where it prints its errors to.
    captures: [usize; 2],
}

/// Looks at what this process has open and mapped, and opens what the child needs. An error is one of [`rerun`].
pub fn prepare(channel: &Channel, point: &Point, job: usize) -> Result<Parting, u32> {
    let mut parting = Parting {
        rows: [(0, Instead::Output); PARTED],
        len: 0,
        captures: [0; 2],
    };
    let output = stat(1).filter(is_regular);
    let errors = stat(2).filter(is_regular);
    point.out_before.store(position(1), Relaxed);
    point.err_before.store(position(2), Relaxed);
    let verdict = each_descriptor(|descriptor| {
        let Some(there) = stat(descriptor) else {
            return rerun::NO;
        };
        let is = |file: Option<Stat>| file.is_some_and(|file| is_same_file(&file, &there));
        let instead = if is(errors) {
            Instead::Errors
        } else if is(output) {
            Instead::Output
        } else {
            match again(descriptor, &there) {
                Ok(None) => return rerun::NO,
                Ok(Some(flags)) => Instead::Again(flags as u32),
                Err(why) => return why,
            }
        };
        let Some(row) = parting.rows.get_mut(parting.len) else {
            return rerun::SHARED;
        };
        *row = (descriptor as u32, instead);
        parting.len += 1;
        rerun::NO
    });
    if verdict != rerun::NO {
        return Err(verdict);
    }
    if mappings::shares_memory(core::ptr::from_ref(channel) as u64) {
        return Err(rerun::MAPPED);
    }
    let out = capture(channel, job, b".out", &point.out).ok_or(rerun::REFUSED)?;
    let Some(err) = capture(channel, job, b".err", &point.err) else {
        close(out);
        return Err(rerun::REFUSED);
    };
    parting.captures = [out, err];
    parting.open()?;
    Ok(parting)
}

impl Parting {
    fn open(&mut self) -> Result<(), u32> {
        for index in 0..self.len {
            if let (descriptor, Instead::Again(flags)) = self.rows[index] {
                let Some(file) = open_again(descriptor as usize, flags as usize) else {
                    self.close();
                    return Err(rerun::SHARED);
                };
                self.rows[index].1 = Instead::Opened(file as u32);
            }
        }
        Ok(())
    }

    /// Closes what was opened for the child.
    pub fn close(&self) {
        let opened = self.rows[..self.len].iter().filter_map(|row| match row {
            (_, Instead::Opened(file)) => Some(*file as usize),
            _ => None,
        });
        opened.chain(self.captures).for_each(close);
    }

    /// Gives this child its own output and its own file positions. Returns one of [`rerun`].
    pub fn part(&self) -> u32 {
        let [out, err] = self.captures;
        let mut verdict = rerun::NO;
        for (descriptor, instead) in &self.rows[..self.len] {
            let new = match instead {
                Instead::Output => out,
                Instead::Errors => err,
                Instead::Opened(file) | Instead::Again(file) => *file as usize,
            };
            verdict = verdict.max(replace(*descriptor as usize, new));
        }
        self.close();
        verdict
    }
}

/// Closes what was opened here.
fn close(descriptor: usize) {
    // SAFETY: no longer needed by this number.
    unsafe { sys!(sys::CLOSE, descriptor) };
}

fn stat(descriptor: usize) -> Option<Stat> {
    let mut stat = [0; 18];
    // SAFETY: a stat has 18 words.
    let result = unsafe { sys!(sys::FSTAT, descriptor, stat.as_mut_ptr()) };
    (result == 0).then_some(stat)
}

fn is_same_file(a: &Stat, b: &Stat) -> bool {
    a[0] == b[0] && a[1] == b[1]
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

/// Opens the file that children of a job print to, one after another, and notes where it ends now.
///
/// A process that outlives its point still holds the lock, and would print into the next one's: then another file is taken.
fn capture(channel: &Channel, job: usize, suffix: &[u8], output: &Output) -> Option<usize> {
    const LOCK_EX_NB: usize = 2 | 4;
    (0..SURVIVED).find_map(|survived| {
        let number = job + channel::JOBS * survived;
        let path = output_path(channel, number, suffix);
        // O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC. SAFETY: the path ends with a NUL.
        let file = unsafe {
            sys!(
                sys::OPEN,
                path.as_ptr(),
                0o2 | 0o100 | 0o2000 | O_CLOEXEC,
                0o600
            )
        };
        let file = usize::try_from(file).ok()?;
        // SAFETY: opened above.
        if unsafe { sys!(sys::FLOCK, file, LOCK_EX_NB) } != 0 {
            close(file);
            return None;
        }
        // SAFETY: asks for the end.
        let end = unsafe { sys!(sys::LSEEK, file, 0, SEEK_END) };
        output.file.store(number as u32 + 1, Relaxed);
        output.start.store(u64::try_from(end).unwrap_or(0), Relaxed);
        Some(file)
    })
}

/// Notes where the output of a child ends that has ended.
pub fn note_end(channel: &Channel, point: &Point) {
    for (output, suffix) in [(&point.out, b".out"), (&point.err, b".err")] {
        let Some(number) = output.file.load(Relaxed).checked_sub(1) else {
            continue;
        };
        let path = output_path(channel, number as usize, suffix);
        let mut stat: Stat = [0; 18];
        // SAFETY: the path ends with a NUL, and a stat has 18 words.
        let result = unsafe { sys!(sys::STAT, path.as_ptr(), stat.as_mut_ptr()) };
        const SIZE: usize = 6;
        let end = if result == 0 { stat[SIZE] } else { 0 };
        output.end.store(end, Relaxed);
    }
}

fn output_path(channel: &Channel, number: usize, suffix: &[u8]) -> Text {
    let mut path = Text::new();
    for byte in &channel.header.folder {
        match byte.load(Relaxed) {
            0 => break,
            byte => path.push(byte),
        }
    }
    path.push(b'/');
    path.number(number);
    path.extend(suffix);
    path
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

/// With which flags a descriptor must be opened again, if it must. An error is one of [`rerun`].
fn again(descriptor: usize, there: &Stat) -> Result<Option<usize>, u32> {
    const DIRECTORY: u64 = 0o040_000;
    const CHARACTERS: u64 = 0o020_000;
    match mode(there) {
        CHARACTERS => Ok(None),
        0o100_000 | DIRECTORY => {
            // SAFETY: asks for the flags.
            let flags = unsafe { sys!(sys::FCNTL, descriptor, F_GETFL, 0) } as usize;
            if mode(there) != DIRECTORY && flags & O_ACCMODE != 0 {
                return Err(rerun::SHARED);
            }
            Ok(Some(flags & KEPT_FLAGS | O_CLOEXEC))
        }
        // A pipe, a socket, an event, a timer.
        _ => Err(rerun::SHARED),
    }
}

/// Opens the same file anew, at the same position.
fn open_again(descriptor: usize, flags: usize) -> Option<usize> {
    let mut path = Text::new();
    path.extend(b"/proc/self/fd/");
    path.number(descriptor);
    // SAFETY: the path ends with a NUL.
    let file = unsafe { sys!(sys::OPEN, path.as_ptr(), flags, 0) };
    let file = usize::try_from(file).ok()?;
    // SAFETY: sets the position of the new one.
    unsafe { sys!(sys::LSEEK, file, position(descriptor), SEEK_SET) };
    Some(file)
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
    let mut rows = [0_u64; 64];
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
    close(folder);
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
