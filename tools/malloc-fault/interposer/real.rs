//! The functions that the program would have had: found once, by name, behind this library.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicUsize};

/// What C calls `void *`.
pub type Block = *mut c_void;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn __errno_location() -> *mut c_int;
}

const DEFAULT: *mut c_void = core::ptr::null_mut();
const NEXT: *mut c_void = -1_isize as *mut c_void;

/// The program's errno of this thread.
pub fn errno() -> *mut c_int {
    // SAFETY: libc's own accessor.
    unsafe { __errno_location() }
}

/// The address of a symbol in any module, 0 if there is none.
pub fn symbol(name: &CStr) -> usize {
    // SAFETY: the name ends with a NUL.
    unsafe { dlsym(DEFAULT, name.as_ptr()) as usize }
}

macro_rules! real {
    ($($name:ident = $slot:ident : fn($($argument:ident : $type:ty),*) -> $result:ty;)*) => {
        $(
            /// Where the trampoline jumps when nothing is to be counted.
            pub static $slot: AtomicUsize = AtomicUsize::new(0);

            /// Calls the real function.
            ///
            /// # Safety
            ///
            /// As the function of C.
            #[allow(dead_code, reason = "what is built of the others here is only jumped to")]
            pub unsafe fn $name($($argument: $type),*) -> $result {
                // SAFETY: the slot holds a function of this type once `resolve` has run.
                let function = unsafe {
                    transmute::<usize, unsafe extern "C" fn($($type),*) -> $result>(of(&$slot))
                };
                // SAFETY: the caller's promise.
                unsafe { function($($argument),*) }
            }
        )*

        fn find_all() {
            $(
                let name = concat!(stringify!($name), "\0");
                // SAFETY: the name ends with a NUL; the search starts behind this library.
                let found = unsafe { dlsym(NEXT, name.as_ptr().cast()) };
                $slot.store(found as usize, Release);
            )*
        }
    };
}

real! {
    malloc = MALLOC: fn(size: usize) -> Block;
    calloc = CALLOC: fn(count: usize, size: usize) -> Block;
    realloc = REALLOC: fn(block: Block, size: usize) -> Block;
    posix_memalign = POSIX_MEMALIGN: fn(block: *mut Block, align: usize, size: usize) -> c_int;
    aligned_alloc = ALIGNED_ALLOC: fn(align: usize, size: usize) -> Block;
    memalign = MEMALIGN: fn(align: usize, size: usize) -> Block;
    valloc = VALLOC: fn(size: usize) -> Block;
    pvalloc = PVALLOC: fn(size: usize) -> Block;
    reallocarray = REALLOCARRAY: fn(block: Block, count: usize, size: usize) -> Block;
    strdup = STRDUP: fn(text: *const c_char) -> Block;
    strndup = STRNDUP: fn(text: *const c_char, limit: usize) -> Block;
    free = FREE: fn(block: Block) -> ();
}

static RESOLVING: AtomicBool = AtomicBool::new(false);

fn of(slot: &AtomicUsize) -> usize {
    if slot.load(Acquire) == 0 {
        resolve();
    }
    slot.load(Acquire)
}

/// Finds all real functions. The loader has one thread when it first allocates, so nobody else is here at the same time.
pub fn resolve() {
    if FREE.load(Acquire) == 0 && !RESOLVING.swap(true, Relaxed) {
        find_all();
        RESOLVING.store(false, Relaxed);
    }
}

/// Whether the search goes on: what allocates now is the search itself.
pub fn is_resolving() -> bool {
    RESOLVING.load(Relaxed)
}

/// Room for what the search for the real functions allocates.
struct Early(UnsafeCell<[u128; 4096]>);

// SAFETY: each byte is handed out once, by an atomic counter.
unsafe impl Sync for Early {}

static EARLY: Early = Early(UnsafeCell::new([0; 4096]));
static EARLY_USED: AtomicUsize = AtomicUsize::new(0);

/// Zeroed memory that is never given back, or null when the room is used up.
pub fn early(size: usize) -> Block {
    let room = size_of::<[u128; 4096]>();
    let Some(len) = size
        .max(1)
        .checked_next_multiple_of(16)
        .filter(|len| *len <= room)
    else {
        return core::ptr::null_mut();
    };
    let start = EARLY_USED.fetch_add(len, Relaxed);
    if start > room - len {
        return core::ptr::null_mut();
    }
    // SAFETY: `start + len <= room`.
    unsafe { EARLY.0.get().cast::<u8>().add(start).cast() }
}

/// Whether any block lies in the early room.
pub fn is_early_used() -> bool {
    EARLY_USED.load(Relaxed) != 0
}

/// The bytes from a block of the early room to the room's end; `None` for any other block.
pub fn early_len(block: Block) -> Option<usize> {
    let offset = (block as usize).wrapping_sub(EARLY.0.get() as usize);
    let room = size_of::<[u128; 4096]>();
    (offset < room).then(|| room - offset)
}
