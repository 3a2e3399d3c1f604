//! System calls by their numbers: no libc wrapper, so no errno and no cancellation point of the program's is touched.

use core::arch::asm;

pub const OPEN: usize = 2;
pub const CLOSE: usize = 3;
pub const FSTAT: usize = 5;
pub const LSEEK: usize = 8;
pub const MMAP: usize = 9;
pub const MPROTECT: usize = 10;
pub const READ: usize = 0;
pub const WRITE: usize = 1;
pub const STAT: usize = 4;
pub const GETPID: usize = 39;
pub const CLONE: usize = 56;
pub const EXIT_GROUP: usize = 231;
pub const WAIT4: usize = 61;
pub const WAITID: usize = 247;
pub const FCNTL: usize = 72;
pub const MADVISE: usize = 28;
pub const SIGALTSTACK: usize = 131;
pub const GETTID: usize = 186;
pub const GETDENTS64: usize = 217;
pub const CLOCK_GETTIME: usize = 228;
pub const DUP3: usize = 292;
pub const IOCTL: usize = 16;
pub const PREAD64: usize = 17;
pub const FLOCK: usize = 73;
pub const UNSHARE: usize = 272;
pub const PROCESS_VM_READV: usize = 310;
pub const TGKILL: usize = 234;
pub const RT_SIGACTION: usize = 13;
pub const RT_SIGPROCMASK: usize = 14;
pub const SCHED_SETAFFINITY: usize = 203;
pub const SCHED_GETAFFINITY: usize = 204;
pub const GETCPU: usize = 309;

/// Makes a system call; the result is negative for an error.
///
/// # Safety
///
/// As the call that is made.
pub unsafe fn call(number: usize, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the kernel's convention; what the call does is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2],
            in("r10") a[3], in("r8") a[4], in("r9") a[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

macro_rules! sys {
    ($number:expr $(, $argument:expr)* $(,)?) => {{
        let given = [$($argument as usize),*];
        let mut all = [0_usize; 6];
        all[..given.len()].copy_from_slice(&given);
        $crate::sys::call($number, all)
    }};
}
pub(crate) use sys;

/// The monotonic clock in nanoseconds.
pub fn now() -> u64 {
    let mut time = [0_u64; 2];
    // SAFETY: the kernel writes the two words of a timespec.
    unsafe { sys!(CLOCK_GETTIME, 1, time.as_mut_ptr()) };
    time[0] * 1_000_000_000 + time[1]
}

/// Writes to standard error, as far as there is one.
pub fn print_error(text: &[u8]) {
    // SAFETY: the kernel reads the text.
    unsafe { sys!(WRITE, 2, text.as_ptr(), text.len()) };
}

/// This process's id, asked of the kernel: libc may remember that of a parent.
pub fn pid() -> i32 {
    // SAFETY: no arguments, no effects.
    unsafe { sys!(GETPID, 0) as i32 }
}

/// Whether this process has more than one thread.
pub fn is_threaded() -> bool {
    const CLONE_THREAD: usize = 0x10000;
    const EINVAL: isize = -22;
    // To part with the other threads of a process is a call that does nothing, and is refused if there are any.
    // SAFETY: no effects.
    match unsafe { sys!(UNSHARE, CLONE_THREAD) } {
        0 => false,
        EINVAL => true,
        // A sandbox may refuse the call itself.
        _ => threads_listed() > 1,
    }
}

/// How many threads this process has; 1 if it cannot be told.
fn threads_listed() -> u64 {
    let mut stat = [0_u64; 18];
    // SAFETY: the path ends with a NUL, and a stat has 18 words.
    let result = unsafe { sys!(STAT, c"/proc/self/task".as_ptr(), stat.as_mut_ptr()) };
    // Links of a directory: itself, its parent's name for it, and one per thread.
    if result < 0 {
        1
    } else {
        stat[2].saturating_sub(2).max(1)
    }
}

/// Private zeroed memory, or null.
///
/// A page without access lies on either side: the kernel would make one mapping of this and of what the program maps next to
/// it, and the search for pointers could not tell the program's memory from the interposer's, which names every block.
pub fn map(len: usize) -> *mut u8 {
    const PAGE: usize = 4096;
    let len = len.next_multiple_of(PAGE);
    // PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    // SAFETY: a new mapping, wherever the kernel puts it.
    let around = unsafe { sys!(MMAP, 0, len + 2 * PAGE, 0, 0x4022, usize::MAX, 0) };
    if (-4095..0).contains(&around) {
        return core::ptr::null_mut();
    }
    let start = around as usize + PAGE;
    // PROT_READ | PROT_WRITE
    // SAFETY: within the new mapping.
    if unsafe { sys!(MPROTECT, start, len, 3) } < 0 {
        return core::ptr::null_mut();
    }
    start as *mut u8
}
