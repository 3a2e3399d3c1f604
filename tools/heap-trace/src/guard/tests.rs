use super::*;

/// A child of this thread alone: its status, after it has placed a block and ended a heap.
fn child_uses_guards() -> libc::c_int {
    // SAFETY: the child uses what a forked child may, and ends without going back.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        // SAFETY: asks for a signal that ends a child that waits for ever.
        unsafe { libc::alarm(20) };
        let mut heap = GuardHeap::new(Side::Rear);
        let placed = heap.place(Layout::new::<u64>(), 0, Origin::NONE);
        drop(heap);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(placed.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for that child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

#[test]
fn a_child_does_not_wait_for_threads_that_it_has_not() {
    drop(GuardHeap::new(Side::Rear));
    for lock in ["installing", "graves"] {
        let (told, taken) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel();
        let holder = std::thread::spawn(move || {
            let held = (
                (lock == "installing").then(|| signal::INSTALLING.take()),
                (lock == "graves").then(|| pen::GRAVES.take()),
            );
            told.send(()).unwrap();
            wait.recv().unwrap();
            drop(held);
        });
        taken.recv().unwrap();
        let status = child_uses_guards();
        done.send(()).unwrap();
        holder.join().unwrap();
        assert_eq!(status, 0, "{lock}");
    }
}
