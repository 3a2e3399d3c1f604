//! No panic crosses the border, and errno is the caller's.

use core::cell::Cell;
use core::ptr::null_mut;
use std::ffi::CStr;

use super::{Outcome, errno, guarded, oth_text_free, set_errno};
use crate::failure::{Code, Failure};
use crate::{arena::*, heap::*, lesson::*, th::*};

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn panic_if_armed() {
    if ARMED.replace(false) {
        panic!("on purpose");
    }
}

/// What a call returns, checked after a panic inside of it.
trait Panicked {
    fn assert_panicked(self, name: &str);
}

impl Panicked for Outcome {
    fn assert_panicked(self, name: &str) {
        assert_eq!(self.code, Code::Panic, "{name}");
        // SAFETY: a message of the library's, which ends with a NUL.
        let message = unsafe { CStr::from_ptr(self.message) };
        assert_eq!(
            message.to_str(),
            Ok("a mistake inside the library: on purpose"),
            "{name}"
        );
        assert_eq!(errno(), libc::EINVAL, "{name}");
        // SAFETY: not freed yet.
        unsafe { oth_text_free(self.message) };
    }
}

impl Panicked for () {
    fn assert_panicked(self, name: &str) {
        assert_eq!(errno(), libc::EINVAL, "{name}");
    }
}

impl Panicked for i32 {
    fn assert_panicked(self, name: &str) {
        assert_eq!((self, errno()), (0, libc::EINVAL), "{name}");
    }
}

impl Panicked for *mut u8 {
    fn assert_panicked(self, name: &str) {
        assert_eq!((self, errno()), (null_mut(), libc::EINVAL), "{name}");
    }
}

/// Calls in which something panics.
macro_rules! panicking {
    ($($name:ident($($argument:expr),*);)*) => {
        [$(|| {
            ARMED.set(true);
            set_errno(0);
            // SAFETY: NULL is allowed everywhere; besides, nothing is reached.
            #[allow(unused_unsafe, reason = "some functions are safe")]
            let result = unsafe { $name($($argument),*) };
            assert!(!ARMED.get(), "{} has another way in", stringify!($name));
            result.assert_panicked(stringify!($name));
        }),*]
    };
}

/// A checkpoint of nothing.
const NOWHERE: Checkpoint = Checkpoint {
    arena: 0,
    serial: 0,
    used: 0,
};

/// Every function; `tests/clients/contract.rs` compares the list with what is exported.
fn calls() -> Vec<fn()> {
    let calls: [fn(); 35] = panicking! {
        oth_text_free(null_mut());
        oth_arena_create(0, null_mut());
        oth_arena_destroy(null_mut());
        oth_arena_alloc(null_mut(), 0, 0, null_mut());
        oth_arena_alloc_zeroed(null_mut(), 0, 0, null_mut());
        oth_arena_copy_text(null_mut(), null_mut(), 0, null_mut());
        oth_arena_checkpoint(null_mut(), null_mut());
        oth_arena_rewind(null_mut(), NOWHERE);
        oth_arena_reset(null_mut());
        oth_arena_set_limit(null_mut(), 0);
        oth_arena_stats(null_mut(), null_mut());
        oth_arena_dump(null_mut(), null_mut());
        oth_arena_dump_hex(null_mut(), null_mut());
        oth_heap_create(0, 0, null_mut());
        oth_heap_destroy(null_mut());
        oth_heap_alloc(null_mut(), 0, 0, null_mut());
        oth_heap_realloc(null_mut(), null_mut(), 0);
        oth_heap_free(null_mut(), null_mut(), null_mut());
        oth_heap_free_tags(null_mut(), 0, 0, null_mut());
        oth_heap_defrag(null_mut(), None, null_mut(), null_mut());
        oth_heap_stats(null_mut(), null_mut());
        oth_heap_check(null_mut());
        oth_heap_walk(null_mut(), None, null_mut());
        oth_heap_draw(null_mut(), null_mut());
        oth_lesson_map(0, null_mut());
        oth_lesson_unmap(null_mut());
        oth_th_init();
        oth_th_alloc(0, 0);
        oth_th_realloc(null_mut(), 0);
        oth_th_free(null_mut());
        oth_th_freetags(0, 0);
        oth_th_defrag(None, null_mut());
        oth_th_countfreehead();
        oth_th_checkhealth(null_mut());
        oth_th_walk(None, null_mut());
    };
    calls.to_vec()
}

#[test]
fn no_panic_crosses_the_border_of_any_function() {
    for call in calls() {
        call();
    }
}

#[test]
fn a_panic_payload_that_is_no_text_is_reported() {
    let outcome = guarded(|| std::panic::panic_any(7));
    assert_eq!(outcome.code, Code::Panic);
    // SAFETY: a message of the library's.
    let message = unsafe { CStr::from_ptr(outcome.message) };
    assert!(message.to_str().unwrap().ends_with("a panic without words"));
    // SAFETY: not freed yet.
    unsafe { oth_text_free(outcome.message) };
}

#[test]
fn success_leaves_errno_alone_whatever_happened_inside() {
    set_errno(4321);
    let outcome = guarded(|| {
        set_errno(libc::ENOMEM);
        Ok(())
    });
    assert_eq!((outcome.code, outcome.message), (Code::Ok, null_mut()));
    assert_eq!(errno(), 4321);
}

#[test]
fn a_message_has_no_nul_within() {
    let outcome = guarded(|| Err(Failure::Panic("a\0b".into())));
    // SAFETY: a message of the library's.
    let message = unsafe { CStr::from_ptr(outcome.message) };
    assert_eq!(message.to_str(), Ok("a mistake inside the library: a?b"));
    // SAFETY: not freed yet.
    unsafe { oth_text_free(outcome.message) };
}
