//! Faults that take two threads: one does, another has.

use std::ptr::NonNull;
use std::thread;

use crate::world::{bytes, free, heap, read, scrub, write};
use crate::{Program, program};

const LEN: usize = 64;

pub(crate) fn programs() -> Vec<Program> {
    vec![
        program!(self::overflow_across_threads_write, Write, "overflow"),
        program!(self::overflow_across_threads_read, Read, "overflow"),
        program!(
            self::use_after_free_across_threads_write,
            Write,
            "use after free"
        ),
        program!(
            self::use_after_free_across_threads_read,
            Read,
            "use after free"
        ),
        program!(self::double_free_across_threads, Free, "double free"),
        program!(self::leak_of_an_ended_thread, Leak, "definitely lost"),
    ]
}

/// A block that goes to another thread.
#[derive(Clone, Copy)]
struct Sent(NonNull<u8>);

// SAFETY: raw memory, which one thread after the other uses.
unsafe impl Send for Sent {}

/// Do something with a block in another thread, and wait for it.
fn elsewhere(block: NonNull<u8>, act: fn(NonNull<u8>)) {
    let sent = Sent(block);
    let thread = thread::spawn(move || {
        let Sent(block) = { sent };
        act(block);
    });
    thread.join().expect("the other thread ends well");
}

fn overflow_across_threads_write() {
    let block = heap(bytes(LEN));
    elsewhere(block, |block| write(block, LEN as isize));
    free(block, bytes(LEN));
}

fn overflow_across_threads_read() {
    let block = heap(bytes(LEN));
    elsewhere(block, |block| read(block, LEN as isize));
    free(block, bytes(LEN));
}

fn use_after_free_across_threads_write() {
    let block = heap(bytes(LEN));
    elsewhere(block, |block| free(block, bytes(LEN)));
    write(block, 8);
}

fn use_after_free_across_threads_read() {
    let block = heap(bytes(LEN));
    elsewhere(block, |block| free(block, bytes(LEN)));
    read(block, 8);
}

fn double_free_across_threads() {
    let block = heap(bytes(LEN));
    elsewhere(block, |block| free(block, bytes(LEN)));
    free(block, bytes(LEN));
}

fn leak_of_an_ended_thread() {
    let thread = thread::spawn(|| {
        write(heap(bytes(LEN)), 0);
        scrub();
    });
    thread.join().expect("the other thread ends well");
}
