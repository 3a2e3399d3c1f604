//! Demo 15: address space is nearly free, memory is not, and neither is an arena for everything.

mod cost;

use crate::stage::line::in_words;
use crate::stage::{
    Demo, During, Line, Options, Place, Question, Stage, Symbol, Trouble, pages, play,
};
use arena_core::Policy;
use arena_core::policy::HugePages;
use arena_core::region::page_size;
use rustix::io::Errno;
use rustix::mm::{Advice, madvise};
use std::process::ExitCode;
use std::ptr;
use std::time::Instant;

/// What the registry knows of this demo.
pub const DEMO: Demo = Demo {
    number: "15",
    binary: "15_reserve_and_touch",
    title: "reserve 64 GiB, pay for what you touch",
    question: Question {
        text: "an arena reserves 64 GiB and writes one byte. How much of it is resident?",
        answers: &[
            "64 GiB: what is reserved is taken",
            "1 byte",
            "one OS page, or one huge page of 2 MiB where the kernel was asked for such",
        ],
        right: 2,
        why: "A reservation is a row in a table of the kernel. Memory comes with the fault of the first write, in \
              the smallest piece that the page tables can hold.",
    },
    next: "if a range costs nothing until it is touched, why copy in order to grow? (16)",
    run,
    child: None,
};

/// What is asked for.
const WISH: usize = 64 << 30;

/// Runs the demo.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    play(&DEMO, options, story)
}

fn story(stage: &mut Stage) -> Result<(), Trouble> {
    let page = page_size();
    let (granted, resident) = by_hand(stage)?;
    let huge = huge_pages(stage, granted)?;
    cost::table(stage)?;
    with_the_crate(stage, granted, huge)?;
    let answers = DEMO.question.answers;
    stage.reveal(match resident {
        bytes if bytes == page && huge.is_multiple_of(page) && huge < granted => answers[2],
        0 | 1 => answers[1],
        _ => answers[0],
    });
    Ok(())
}

/// Address space of our own, writable, and no memory.
struct Reservation {
    /// The start of a mapping of `len` bytes that nothing else refers to.
    base: *mut u8,
    len: usize,
}

impl Reservation {
    // stamp: reserve
    /// Asks for address space; `MAP_NORESERVE` says that most of it will never be touched.
    fn new(len: usize) -> Result<Self, Trouble> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new private mapping at an address of the kernel's choice touches nothing of ours.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(Trouble::last_os("mmap"));
        }
        let base = base.cast();
        Ok(Self { base, len })
    }
    // /stamp: reserve

    /// Says how the range will be used. False if this kernel does not know the advice.
    fn advise(&self, advice: Advice) -> Result<bool, Trouble> {
        // SAFETY: the whole mapping; an advice on huge pages changes no byte.
        match unsafe { madvise(self.base.cast(), self.len, advice) } {
            Ok(()) => Ok(true),
            Err(Errno::INVAL) => Ok(false),
            Err(error) => Err(error).during("madvise"),
        }
    }

    /// Writes one byte into the middle: far from both ends, so that a huge page fits around it.
    fn write_in_the_middle(&self) -> Place {
        let middle = self.len / 2;
        // SAFETY: within the mapping.
        let to = unsafe { self.base.add(middle) };
        // SAFETY: as above, and no reference into it exists. Volatile: the write is the point, not the byte.
        unsafe { to.write_volatile(1) };
        self.at(middle)
    }

    fn at(&self, offset: usize) -> Place {
        Place::new("base", self.base.addr(), offset)
    }

    fn resident(&self) -> Result<usize, Trouble> {
        pages::resident(self.base.addr(), self.len)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, whole; every pointer into it went with `self`.
        let refused = unsafe { libc::munmap(self.base.cast(), self.len) };
        assert_eq!(refused, 0, "munmap of a whole mapping cannot fail");
    }
}

/// Takes what is wished for, or half of it, and so on: a process may be under a limit.
fn reserve(stage: &mut Stage) -> Result<Reservation, Trouble> {
    let mut len = WISH;
    let mut refusals = Vec::new();
    loop {
        match Reservation::new(len) {
            Ok(reservation) => {
                stage.event(Symbol::Alloc, "mmap", len, reservation.at(0), "");
                stage.note("refused_bytes", refusals);
                stage.note("reserved_bytes", len);
                return Ok(reservation);
            }
            Err(trouble) if len / 2 < 2 * page_size() => return Err(trouble),
            Err(trouble) => {
                let line = Line::new(Symbol::Refused, "mmap").bytes(len);
                stage.show(line.note(format!("refused: {trouble}")));
                refusals.push(len);
                len /= 2;
            }
        }
    }
}

/// One byte in the ordinary way. Returns how much was granted, and how much of it became resident.
fn by_hand(stage: &mut Stage) -> Result<(usize, usize), Trouble> {
    stage.part("By hand: reserve, look, write one byte, look");
    let page = page_size();
    let start = Instant::now();
    let reservation = reserve(stage)?;
    stage.note("reserve_ns", cost::nanoseconds(start));
    // Where huge pages are always used, this asks for ordinary ones; elsewhere it changes nothing.
    reservation.advise(Advice::LinuxNoHugepage)?;
    let before = reservation.resident()?;
    show_resident(stage, before);
    let faults = pages::minor_faults()?;
    let place = reservation.write_in_the_middle();
    stage.note("faults_of_one_write", pages::minor_faults()? - faults);
    let after = reservation.resident()?;
    stage.event(Symbol::Target, "write", 1, place, "");
    show_resident(stage, after);
    stage.event(
        Symbol::Unmap,
        "unmap",
        reservation.len,
        reservation.at(0),
        "",
    );
    stage.expect("resident_after_reserving", 0, before);
    stage.expect("resident_after_one_byte", page, after);
    Ok((reservation.len, after))
}

/// The same byte, where the kernel was asked for huge pages. Returns how much became resident.
fn huge_pages(stage: &mut Stage, granted: usize) -> Result<usize, Trouble> {
    stage.part("By hand: the same with MADV_HUGEPAGE");
    let page = page_size();
    let reservation = Reservation::new(granted)?;
    let known = reservation.advise(Advice::LinuxHugepage)?;
    let place = reservation.write_in_the_middle();
    let resident = reservation.resident()?;
    stage.event(Symbol::Target, "write", 1, place, "");
    let had = match (known, resident > page) {
        (_, true) => "",
        (true, false) => ": asked for a huge page, none to be had here",
        (false, false) => ": this kernel has no huge pages",
    };
    let words = in_words(resident);
    stage.show(Line::new(Symbol::Picture, "huge").note(format!("{words} resident{had}")));
    stage.note("resident_after_one_byte_huge", resident);
    stage.note("huge_page", resident > page);
    stage.event(
        Symbol::Unmap,
        "unmap",
        reservation.len,
        reservation.at(0),
        "",
    );
    Ok(resident)
}

/// The same on arena-core, where size and huge pages are policies.
fn with_the_crate(stage: &mut Stage, granted: usize, huge: usize) -> Result<(), Trouble> {
    stage.part("With arena-core: the reservation is a policy");
    // stamp: crate
    let policy = Policy::new().huge_pages(HugePages::Never);
    let arena = match policy.reserve(WISH).build() {
        Ok(arena) => arena,
        Err(refusal) => {
            stage.show(Line::new(Symbol::Refused, "map").bytes(WISH));
            stage.paragraph(&refusal.to_string());
            // As much as was granted by hand.
            let policy = policy.reserve(granted);
            policy.build().during("a smaller arena")?
        }
    };
    let byte = arena.alloc(1_u8);
    // /stamp: crate
    *byte += 1;
    let at = |offset| Place::new("base", arena.base().addr().get(), offset);
    stage.event(Symbol::Alloc, "map", arena.capacity(), at(0), "");
    stage.event(Symbol::Alloc, "alloc", 1, at(0), "");
    let resident = arena.resident().during("mincore")?;
    show_resident(stage, resident);
    stage.note("crate_resident", resident);
    // Where huge pages are always used, the policy does not forbid them.
    let page = page_size();
    let one_page = resident == page || resident == huge;
    stage.expect("crate_pays_for_one_page", true, one_page);
    stage.expect("crate_capacity", granted, arena.capacity());
    stage.event(Symbol::Unmap, "unmap", arena.capacity(), at(0), "");
    Ok(())
}

fn show_resident(stage: &mut Stage, resident: usize) {
    let note = format!("{} resident", in_words(resident));
    stage.show(Line::new(Symbol::Picture, "pages").note(note));
}
