//! Programs that do nothing wrong, however it looks.

use std::alloc::{Layout, realloc};
use std::cell::RefCell;
use std::collections::{BTreeMap, BinaryHeap, HashMap, LinkedList, VecDeque};
use std::fmt::Write as _;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread;

use crate::world::{arena, bytes, free, free_in, heap, keep, read, write};
use crate::{Program, program};

macro_rules! programs {
    ($($name:ident $body:block)*) => {
        pub(crate) fn programs() -> Vec<Program> {
            vec![$(program!(self::$name, Clean, "")),*]
        }
        $(fn $name() $body)*
    };
}

fn every_byte(block: NonNull<u8>, len: usize) {
    for offset in 0..len as isize {
        write(block, offset);
        read(block, offset);
    }
}

static HELD: OnceLock<Vec<String>> = OnceLock::new();
static LISTED: Mutex<Vec<(u32, Box<u64>)>> = Mutex::new(Vec::new());

thread_local! {
    static LOCAL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

programs! {
    clean_arena_every_byte {
        let arena = arena();
        for len in [1, 7, 8, 61, 64, 4095, 4096, 4097] {
            every_byte(arena.alloc_layout(bytes(len)), len);
        }
    }
    clean_arena_every_alignment {
        let arena = arena();
        for log in 0..13 {
            let layout = Layout::from_size_align(24, 1 << log).expect("a small layout");
            every_byte(arena.alloc_layout(layout), 24);
        }
    }
    clean_arena_reset_and_reuse {
        let mut arena = arena();
        for round in 1..20 {
            for _ in 0..round {
                every_byte(arena.alloc_layout(bytes(8 * round)), 8 * round);
            }
            arena.reset();
        }
    }
    clean_arena_nested_scopes {
        let mut arena = arena();
        arena.alloc_str("First block ok.");
        for _ in 0..10 {
            arena.scope(|scope| {
                let text = scope.alloc_str("Second block too.");
                scope.scope(|inner| inner.alloc_slice_fill_copy(100, 7_u8).len());
                assert_eq!(text.len(), 17);
            });
        }
    }
    clean_arena_freed_in_any_order {
        let arena = arena();
        let blocks: Vec<_> = (0..50).map(|n| (arena.alloc_layout(bytes(n + 1)), n + 1)).collect();
        for (at, step) in [(0, 3), (1, 3), (2, 3)] {
            for &(block, len) in blocks.iter().skip(at).step_by(step) {
                free_in(&arena, block, bytes(len));
            }
        }
    }
    clean_arena_last_in_first_out {
        let arena = arena();
        for _ in 0..2000 {
            let block = arena.alloc_layout(bytes(2048));
            every_byte(block, 8);
            free_in(&arena, block, bytes(2048));
        }
    }
    clean_arena_vec_that_moves {
        let arena = arena();
        let mut numbers = allocator_api2::vec::Vec::new_in(&arena);
        for n in 0..1000_u32 {
            numbers.push(n);
            if n.is_multiple_of(100) {
                arena.alloc(n);
            }
        }
        numbers.truncate(10);
        numbers.shrink_to_fit();
        assert_eq!(numbers.iter().sum::<u32>(), 45);
    }
    clean_arena_zeroed_after_reset {
        let mut arena = arena();
        arena.alloc_slice_fill_copy(1000, 0xff_u8);
        arena.reset();
        let zeroed = arena.alloc_layout_zeroed(Layout::new::<[u64; 100]>());
        // SAFETY: the block is of this size, and zero.
        assert_eq!(unsafe { zeroed.cast::<[u64; 100]>().read() }, [0; 100]);
    }
    clean_arena_with_destructors {
        let mut arena = arena();
        arena.alloc_drop(String::from("dropped with the arena"));
        arena.scope(|scope| scope.alloc_drop(vec![1, 2, 3]).len());
        arena.reset();
        arena.alloc_drop(vec![String::from("again")]);
    }
    clean_arena_held_by_a_static {
        static HOLD: Mutex<usize> = Mutex::new(0);
        let arena = arena();
        let block = arena.alloc_layout(bytes(64));
        every_byte(block, 64);
        *HOLD.lock().expect("nobody panics with it") = block.expose_provenance().get();
        keep(arena);
    }
    clean_arena_exhausted {
        let arena = arena();
        while arena.try_alloc([0_u8; 100_000]).is_ok() {}
        arena.alloc(1_u8);
    }
    clean_heap_every_byte {
        for len in [1, 7, 8, 61, 64, 4095, 4096, 4097, 100_000] {
            let block = heap(bytes(len));
            every_byte(block, len);
            free(block, bytes(len));
        }
    }
    clean_heap_every_alignment {
        for log in 0..13 {
            let layout = Layout::from_size_align(40, 1 << log).expect("a small layout");
            let block = heap(layout);
            every_byte(block, 40);
            free(block, layout);
        }
    }
    clean_heap_realloc_up_and_down {
        let mut block = heap(bytes(16));
        let mut len = 16;
        for new in [32, 4096, 100_000, 50, 8] {
            // SAFETY: a block of this layout.
            let moved = unsafe { realloc(block.as_ptr(), bytes(len), new) };
            block = NonNull::new(moved).expect("a block");
            len = new;
            every_byte(block, len);
        }
        free(block, bytes(len));
    }
    clean_vec_and_string {
        let mut text = String::new();
        for n in 0..1000 {
            write!(text, "{n} ").expect("a string takes all");
        }
        let words: Vec<&str> = text.split(' ').collect();
        assert_eq!(words.len(), 1001);
    }
    clean_maps {
        let mut map = HashMap::new();
        let mut tree = BTreeMap::new();
        for n in 0..500_u32 {
            map.insert(n, n.to_string());
            tree.insert(n.reverse_bits(), Box::new(n));
        }
        map.retain(|n, _| n.is_multiple_of(3));
        assert_eq!((map.len(), tree.len()), (167, 500));
    }
    clean_queues {
        let mut queue: VecDeque<_> = (0..100).collect();
        queue.rotate_left(30);
        let heap: BinaryHeap<_> = queue.iter().copied().collect();
        let list: LinkedList<_> = heap.into_sorted_vec().into_iter().collect();
        assert_eq!(list.front(), Some(&0));
    }
    clean_rc_with_weak_back_pointers {
        struct Node {
            parent: RefCell<Weak<Self>>,
            children: RefCell<Vec<Rc<Self>>>,
        }
        let node = || Rc::new(Node { parent: RefCell::default(), children: RefCell::default() });
        let root = node();
        for _ in 0..10 {
            let child = node();
            *child.parent.borrow_mut() = Rc::downgrade(&root);
            root.children.borrow_mut().push(child);
        }
        assert_eq!(Rc::weak_count(&root), 10);
    }
    clean_held_by_a_static {
        HELD.get_or_init(|| vec![String::from("Hello arena"); 3]);
        LISTED.lock().expect("nobody panics with it").push((1, Box::new(7)));
    }
    clean_held_by_a_thread_local {
        LOCAL.with_borrow_mut(|numbers| numbers.extend(0..100));
    }
    clean_thread_local_of_an_ended_thread {
        let thread = thread::spawn(|| LOCAL.with_borrow_mut(|numbers| numbers.extend(0..100)));
        thread.join().expect("the thread ends well");
    }
    clean_allocated_here_freed_there {
        let boxes: Vec<Box<u64>> = (0..100).map(Box::new).collect();
        let thread = thread::spawn(move || boxes.iter().map(|number| **number).sum::<u64>());
        assert_eq!(thread.join().expect("the thread ends well"), 4950);
    }
    clean_channel {
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            for n in 0..4 {
                let send = send.clone();
                scope.spawn(move || send.send(vec![n; 100]).expect("somebody receives"));
            }
            drop(send);
            assert_eq!(receive.iter().map(|numbers| numbers.len()).sum::<usize>(), 400);
        });
    }
    clean_shared_by_threads {
        let shared = Arc::new(Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for n in 0..4 {
                let shared = Arc::clone(&shared);
                scope.spawn(move || shared.lock().expect("nobody panics with it").push(n.to_string()));
            }
        });
        assert_eq!(Arc::strong_count(&shared), 1);
    }
    clean_no_bytes {
        let empty: [Vec<u64>; 3] = Default::default();
        let units = Vec::from([(); 1000]);
        let arena = arena();
        arena.alloc(());
        arena.alloc_slice_copy::<u64>(&[]);
        assert_eq!((empty.len(), units.len(), arena.used()), (3, 1000, 0));
    }
    clean_large_blocks {
        let large = vec![1_u8; 20 << 20];
        assert_eq!(large.iter().step_by(4096).map(|&byte| usize::from(byte)).sum::<usize>(), 5120);
    }
    clean_trait_objects {
        let functions: Vec<Box<dyn Fn(u32) -> u32>> =
            vec![Box::new(|n| n + 1), Box::new(move |n| n * 2)];
        assert_eq!(functions.iter().fold(1, |n, function| function(n)), 4);
    }
    clean_interior_pointer_is_held {
        static MIDDLE: Mutex<usize> = Mutex::new(0);
        let leaked: &'static mut [u64] = vec![7; 100].leak();
        *MIDDLE.lock().expect("nobody panics with it") = leaked[50..].as_ptr().expose_provenance();
    }
    clean_caught_panic {
        std::panic::set_hook(Box::new(|_| {}));
        let caught = std::panic::catch_unwind(|| {
            let _numbers = Vec::from([1, 2, 3]);
            let arena = arena();
            arena.alloc_str("This is not malloc");
            panic!("caught {}", 1);
        });
        assert!(caught.is_err());
        drop(std::panic::take_hook());
    }
    clean_files_and_formats {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("a list of mappings");
        let rows: Vec<String> = maps.lines().map(|row| format!("{row:?}")).collect();
        assert!(rows.len() > 5);
    }
    clean_sorted_and_joined {
        let mut words: Vec<String> = (0..300).map(|n: u32| n.reverse_bits().to_string()).collect();
        words.sort();
        words.dedup();
        assert!(words.concat().len() > words.join("").len() - 1);
    }
}
