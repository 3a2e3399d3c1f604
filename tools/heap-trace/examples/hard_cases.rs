//! Programs in which a tracer has a hard time: `hard_cases CASE`. The tests run them.

use std::alloc::{GlobalAlloc, Layout, System, alloc, dealloc};
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heap_trace::{Method, Settings, TracedArena, TracedGlobal};

#[global_allocator]
static HEAP: TracedGlobal<Interrupted> =
    TracedGlobal::with(Interrupted, Settings::new().backtraces(true));

/// The system's allocator, during which a signal may come: asked for by [`ARMED`].
struct Interrupted;

static ARMED: AtomicBool = AtomicBool::new(false);
static HANDLED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator.
unsafe impl GlobalAlloc for Interrupted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ARMED.swap(false, Ordering::Relaxed) {
            // SAFETY: raises a signal that has a handler.
            unsafe { libc::raise(libc::SIGUSR1) };
        }
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// A handler that allocates, and frees. (No handler should; some do.)
extern "C" fn allocating(_: libc::c_int) {
    let numbers: Vec<usize> = (0..100).collect();
    HANDLED.store(numbers.iter().sum(), Ordering::Relaxed);
}

extern "C" fn chained(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let text = b"the program's own handler was called\n";
    // SAFETY: the text is there to be read.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    // SAFETY: ends the process.
    unsafe { libc::_exit(42) };
}

fn install(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: an action of zeroes is the default one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: a valid action.
    let installed = unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    assert_eq!(installed, 0);
}

fn guarded_block() -> (TracedArena, NonNull<u8>) {
    let settings = Settings::new().method(Method::GuardAfter);
    let arena = TracedArena::with(arena_core::Arena::new(), settings);
    let block = arena.alloc_layout(Layout::new::<[u8; 64]>());
    (arena, block)
}

fn overflow() {
    let (_arena, block) = guarded_block();
    // SAFETY: on purpose: the byte is a guard's.
    unsafe { block.as_ptr().wrapping_add(64).write_volatile(1) };
}

/// A handler that is there before the tracer's.
fn chain() {
    install(
        libc::SIGSEGV,
        chained as *const () as usize,
        libc::SA_SIGINFO,
    );
    overflow();
}

/// A handler that comes after the tracer's, which does not hand on; the next block puts ours before it.
fn chain_later() {
    let (_arena, _block) = guarded_block();
    install(
        libc::SIGSEGV,
        chained as *const () as usize,
        libc::SA_SIGINFO,
    );
    overflow();
}

/// A fault that is none of the tracer's business.
fn other_fault() {
    let (_arena, _block) = guarded_block();
    // SAFETY: on purpose: nothing is mapped there.
    unsafe { ptr::without_provenance_mut::<u8>(64).write_volatile(1) };
}

/// A fault while a thread has standard error for itself, in a program that blocks alarms.
fn fault_without_alarms() {
    // SAFETY: a set is integers; which, the next call says.
    let mut alarms: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours, and the signal exists.
    unsafe { libc::sigaddset(&raw mut alarms, libc::SIGALRM) };
    // SAFETY: a valid set.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const alarms, ptr::null_mut()) };
    let (taken, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _stderr = std::io::stderr().lock();
        taken.send(()).expect("the main thread waits");
        loop {
            std::thread::park();
        }
    });
    wait.recv().expect("the thread lives");
    overflow();
}

extern "C" fn nothing(_: libc::c_int) {}

/// A fault while a timer ticks, whose handler does not ask for calls to be taken up again.
fn fault_among_ticks() {
    install(libc::SIGALRM, nothing as *const () as usize, 0);
    let tick = libc::timeval {
        tv_sec: 0,
        tv_usec: 1000,
    };
    let ticks = libc::itimerval {
        it_interval: tick,
        it_value: tick,
    };
    // SAFETY: a valid timer; the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const ticks, ptr::null_mut()) };
    overflow();
}

/// A signal in the middle of the allocator underneath.
fn signal_in_allocator() {
    install(libc::SIGUSR1, allocating as *const () as usize, 0);
    ARMED.store(true, Ordering::Relaxed);
    let text = String::from("This is not malloc");
    assert_eq!((text.len(), HANDLED.load(Ordering::Relaxed)), (18, 4950));
}

thread_local! {
    static LAST: Last = const { Last(Cell::new(0)) };
}

/// Allocates in the last moment of its thread.
struct Last(Cell<usize>);

impl Drop for Last {
    fn drop(&mut self) {
        std::mem::forget(vec![7_u8; 123 + self.0.get()]);
    }
}

/// Threads that end with blocks: kept, given away, lost in a destructor of the thread.
fn threads_that_end() {
    let given: Vec<_> = (0..8)
        .map(|n| {
            std::thread::spawn(move || {
                LAST.with(|last| last.0.set(0));
                vec![n; 100]
            })
        })
        .map(|thread| thread.join().expect("it ends well"))
        .collect();
    assert_eq!(given.len(), 8);
}

/// A child of a program with threads that allocate, which allocates too.
fn fork() {
    let kept = vec![1_u8; 1000];
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::black_box(vec![1_u8; 10]);
                }
            });
        }
        for _ in 0..6 {
            // SAFETY: the child allocates, which a child of threads may do with this heap, and exits.
            match unsafe { libc::fork() } {
                0 => {
                    std::mem::forget(std::hint::black_box(vec![2_u8; 77]));
                    // SAFETY: ends the child, with its report.
                    unsafe { libc::exit(0) };
                }
                child => {
                    let mut status = 0;
                    // SAFETY: waits for the child.
                    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                    assert_eq!(status, 0);
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(kept);
}

/// Each check is about the faults since the last, also when there is no more room to keep them.
fn more_faults_than_are_kept() {
    let free_twice = || {
        let layout = Layout::new::<u64>();
        // SAFETY: of more than no bytes.
        let block = unsafe { alloc(layout) };
        for _ in 0..2 {
            // SAFETY: on purpose not, the second time: the tracer refuses.
            unsafe { dealloc(block, layout) };
        }
    };
    let checked = || std::panic::catch_unwind(|| heap_trace::check!());
    (0..1000).for_each(|_| free_twice());
    assert!(checked().is_err(), "a thousand faults");
    assert!(checked().is_ok(), "none since");
    free_twice();
    assert!(checked().is_err(), "one that is not kept");
    assert!(checked().is_ok(), "none since");
}

thread_local! {
    /// More thread-local variables than a page.
    static TABLE: [Cell<usize>; 4096] = const { [const { Cell::new(0) }; 4096] };
}

/// Blocks that a table of thread-local variables leads to, from its first place to its last.
fn in_thread_locals() {
    TABLE.with(|table| {
        for place in [0, 2000, 4095] {
            let block = Box::leak(Box::new([place; 3]));
            std::hint::black_box(table)[place].set(ptr::from_mut(block).expose_provenance());
        }
    });
    // Another thread may end the process: the main one still has them.
    if std::env::args().nth(2).is_some() {
        let end = std::thread::spawn(|| std::process::exit(0));
        end.join().expect("the process ends before");
    }
}

/// Many blocks, checked again and again, and a large one.
fn much_to_report() {
    let kept: Vec<Box<usize>> = (0..1000).map(Box::new).collect();
    for _ in 0..10 {
        heap_trace::check!();
    }
    drop(kept);
    std::mem::forget(vec![0_u8; 300 << 20]);
}

/// A traced allocator beside the traced heap, both with stacks.
fn two_tracers() {
    use allocator_api2_02::{alloc::Global, vec::Vec};
    let settings = Settings::new().backtraces(true);
    let heap = heap_trace::Traced::with(Global, settings);
    let mut numbers = Vec::new_in(&heap);
    numbers.extend([1, 2, 3]);
    let report = heap.report(&heap_trace::Roots::new().value(&numbers.as_ptr()));
    assert!(report.is_clean(), "{report}");
}

/// Text that a stream of C holds when the process ends.
fn stream_of_c() {
    // SAFETY: a text that ends with a NUL, without anything to fill in.
    unsafe { libc::printf(c"written by C".as_ptr()) };
    leak();
}

fn leak() {
    std::mem::forget(vec![1_u8; 99]);
}

/// The end without an end, after a thousand blocks.
fn crash() {
    let blocks: Vec<Box<usize>> = (0..1300).map(Box::new).collect();
    assert_eq!(*blocks[1000], 1000);
    std::process::abort();
}

fn main() {
    let case = std::env::args().nth(1).unwrap_or_default();
    run(&case);
}

#[inline(never)]
fn run(case: &str) {
    match case {
        "chain" => chain(),
        "chain_later" => chain_later(),
        "other_fault" => other_fault(),
        "fault_without_alarms" => fault_without_alarms(),
        "fault_among_ticks" => fault_among_ticks(),
        "signal_in_allocator" => signal_in_allocator(),
        "threads_that_end" => threads_that_end(),
        "fork" => fork(),
        "more_faults_than_are_kept" => more_faults_than_are_kept(),
        "in_thread_locals" => in_thread_locals(),
        "much_to_report" => much_to_report(),
        "two_tracers" => two_tracers(),
        "stream_of_c" => stream_of_c(),
        "leak" => leak(),
        "crash" => crash(),
        case => panic!("no case {case:?}"),
    }
}
