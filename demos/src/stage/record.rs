//! What the lines of a story say, as events: what `--html` and `--svg` draw.
//!
//! A demo does nothing for its pictures: each line it shows with [`Stage::event`] or [`Stage::show`] is recorded by its
//! symbol and verb, from the line of code that shows it.
//!
//! | verb | event |
//! |---|---|
//! | `map`, `mmap` | a region begins at the place; inside of a region that is there: bytes are replaced |
//! | `unmap` | the region at the place ends |
//! | `alloc`, `malloc` | a block |
//! | `vec`, `grow`, `realloc` | the block at the place has another size; else the one that last grew moves there |
//! | `free` | the block at the place is given back |
//! | `reset`, `rewind` | blocks at the place and above it are gone |
//! | `write`, `strcpy` | bytes are written |
//! | `read`, `dump` | bytes are looked at |
//!
//! The symbol goes first: ⚠️ with a place is a leak, 🤡 an untracked change, ❌ a refusal, or where a `read` ended the
//! process, a use after its region. Everything else is a step of the story. What no line says, a demo adds with
//! [`Stage::record`]:
//!
//! ```no_run
//! # fn story(stage: &mut demos::stage::Stage, at: demos::stage::Place) {
//! stage.record(|heap| {
//!     heap.alloc(at, 64, "said in no line");
//!     heap.moved(at, demos::stage::Place { offset: at.offset + 64, ..at });
//! });
//! # }
//! ```
//!
//! [`Stage::event`]: super::Stage::event
//! [`Stage::show`]: super::Stage::show
//! [`Stage::record`]: super::Stage::record

use super::line::{Line, Place, Symbol};
use heap_view::{Action, BlockId, Event, Extent, RegionId, Site, Snapshot, Span, Trace, Violation};
use std::panic::Location;

/// More events than a story has.
const ROOM: usize = 256;

/// The recording of one story.
#[derive(Debug)]
pub struct Recording {
    trace: Trace,
    /// Regions that are there, oldest first.
    open: Vec<Open>,
    /// Regions of the other process, after a fork.
    elsewhere: Vec<Open>,
    /// Regions that have ended, oldest first: a pointer may still lead there.
    ended: Vec<Open>,
    regions: u32,
    /// Whether raw addresses may be seen: they differ from run to run.
    addresses: bool,
    site: Option<heap_view::SiteId>,
}

/// A region that is there.
#[derive(Debug, Clone)]
struct Open {
    region: RegionId,
    name: &'static str,
    /// The address of its first byte.
    address: usize,
    /// Its bytes; `None` if no line said that it was mapped.
    size: Option<usize>,
    /// Live blocks, as they came: number, offset, size.
    blocks: Vec<(BlockId, usize, usize)>,
    handed_out: u64,
    /// The block that grew last.
    grown: Option<BlockId>,
}

impl Open {
    /// True if the place is in it, or is its end as counted from its own base.
    fn has(&self, place: Place) -> bool {
        let is_own = self.name == place.name && self.address == place.base;
        match self.size {
            Some(size) if is_own => place.offset <= size,
            Some(size) => (self.address..self.address + size).contains(&address_of(place)),
            None => is_own,
        }
    }

    fn offset_of(&self, place: Place) -> usize {
        address_of(place).wrapping_sub(self.address)
    }

    /// The youngest live block with this byte in it, or that begins there.
    fn block_at(&self, offset: usize) -> Option<(BlockId, usize, usize)> {
        let has = |&&(_, at, size): &&(BlockId, usize, usize)| {
            at == offset || (at..at + size).contains(&offset)
        };
        self.blocks.iter().rev().find(has).copied()
    }
}

impl Recording {
    pub(super) fn new(title: String, addresses: bool) -> Self {
        let mut trace = Trace::new(title);
        // Some stories count what malloc holds: the recording is not to grow in the midst of them.
        trace.reserve(ROOM, ROOM);
        Self {
            trace,
            open: Vec::with_capacity(ROOM),
            elsewhere: Vec::new(),
            ended: Vec::with_capacity(ROOM),
            regions: 0,
            addresses,
            site: None,
        }
    }

    /// What was recorded so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A part of the story begins: regions that no line mapped were those of the part before.
    pub(super) fn part(&mut self, title: &str) {
        let unmapped = self.open.iter().filter(|open| open.size.is_none());
        let left: Vec<_> = unmapped.map(|open| open.region).collect();
        for region in left {
            self.end(region);
        }
        self.site = None;
        self.push(Action::Note, title);
    }

    /// Records what a line says, shown at this line of code.
    pub(super) fn line(&mut self, line: &Line, shown_at: &Location<'_>) {
        self.site = Some(self.trace.site(Site::from(shown_at)));
        let (size, note) = (line.size.unwrap_or_default(), line.note.as_str());
        match line.place {
            Some(place) => self.at_place(line.symbol, line.verb, size, place, note),
            None => {
                let words = format!("{} {note}", line.verb);
                self.push(Action::Note, words.trim());
            }
        }
    }

    fn at_place(&mut self, symbol: Symbol, verb: &str, size: usize, at: Place, note: &str) {
        match (symbol, verb) {
            (Symbol::Leak, _) => self.fault(Violation::Leak, at, size, note),
            (Symbol::Corrupted, _) => self.fault(Violation::UntrackedChange, at, size, note),
            (Symbol::Refused, "read" | "write") => {
                self.fault(Violation::UseAfterReset, at, size, note);
            }
            (Symbol::Refused, _) => self.refused(at, size, &format!("{verb} {note}")),
            (_, "map" | "mmap") if !self.is_inside(at) => self.map(at, size, note),
            (_, "unmap") => self.unmap(at, note),
            (_, "alloc" | "malloc") => self.alloc(at, size, note),
            (_, "vec" | "grow" | "realloc") => self.grown(at, size, note),
            (_, "free") => self.free(at, note),
            (_, "reset" | "rewind") => self.rewound(at, note),
            (_, "write" | "strcpy" | "mmap") => self.written(at, size, note),
            (_, "read" | "dump") => self.seen(at, size, note),
            _ => self.push(Action::Note, format!("{verb} {note}").trim()),
        }
    }

    /// True if the place is within a region that is there, and is not its first byte.
    fn is_inside(&self, at: Place) -> bool {
        let inside = |open: &Open| {
            open.size
                .is_some_and(|size| (1..size).contains(&open.offset_of(at)))
        };
        self.open
            .iter()
            .any(|open| open.has(at) && (inside(open) || open.size.is_none()))
    }

    /// A region begins. What the story had there before is gone, said or not.
    pub fn map(&mut self, at: Place, size: usize, note: &str) {
        let address = address_of(at);
        let overlaps = |open: &&Open| match open.size {
            Some(old) => address < open.address + old && open.address < address + size,
            None => open.name == at.name && open.address == at.base,
        };
        let gone: Vec<_> = self
            .open
            .iter()
            .filter(overlaps)
            .map(|open| open.region)
            .collect();
        for region in gone {
            self.end(region);
        }
        let name = match at.offset {
            0 => at.name.to_owned(),
            offset => format!("{}+{offset}", at.name),
        };
        self.begin(at.name, &name, address, Some(size));
        if !note.is_empty() {
            self.push(Action::Note, note);
        }
    }

    /// The region at the place ends.
    pub fn unmap(&mut self, at: Place, note: &str) {
        let address = address_of(at);
        let begins = self.open.iter().rfind(|open| open.address == address);
        let there = begins.or_else(|| self.open.iter().rfind(|open| open.has(at)));
        match there.map(|open| open.region) {
            Some(region) => self.end(region),
            None => self.push(Action::Note, format!("unmap {note}").trim()),
        }
    }

    /// A block is handed out.
    pub fn alloc(&mut self, at: Place, size: usize, note: &str) {
        let index = self.region(at);
        let offset = self.open[index].offset_of(at);
        let open = &mut self.open[index];
        // Where no line mapped the region, another block in the same place means another arena.
        if open.size.is_none() && open.block_at(offset).is_some() {
            let region = open.region;
            self.push(Action::Reset { region }, "");
            self.open[index].blocks.clear();
        }
        let open = &mut self.open[index];
        open.handed_out += 1;
        let (region, block) = (open.region, BlockId(open.handed_out));
        open.blocks.push((block, offset, size));
        let alloc = Action::Alloc {
            region,
            block,
            to: extent(offset, size),
            align: 0,
            tag: None,
        };
        self.push(alloc, note);
    }

    /// The block at the place has another size; else the block that grew last moves there.
    pub fn grown(&mut self, at: Place, size: usize, note: &str) {
        let index = self.region(at);
        let open = &mut self.open[index];
        let offset = open.offset_of(at);
        let here = open.block_at(offset).map(|(block, ..)| block);
        let block = here.or(open.grown);
        let row = block.and_then(|block| open.blocks.iter().position(|row| row.0 == block));
        let Some(row) = row else {
            self.alloc(at, size, note);
            let open = &mut self.open[index];
            open.grown = open.blocks.last().map(|row| row.0);
            return;
        };
        let block = open.blocks[row].0;
        open.blocks[row] = (block, offset, size);
        open.grown = Some(block);
        let (region, to) = (open.region, extent(offset, size));
        self.push(Action::Realloc { region, block, to }, note);
    }

    /// The allocator moves the block at one place to another of the same region.
    pub fn moved(&mut self, from: Place, to: Place) {
        let index = self.region(from);
        let open = &mut self.open[index];
        let (from, to) = (open.offset_of(from), open.offset_of(to));
        if let Some(row) = open.blocks.iter_mut().rev().find(|row| row.1 == from) {
            row.1 = to;
            let (region, block, to) = (open.region, row.0, to as u64);
            self.push(Action::Move { region, block, to }, "");
        }
    }

    /// The block at the place is given back.
    pub fn free(&mut self, at: Place, note: &str) {
        let index = self.region(at);
        let open = &mut self.open[index];
        let offset = open.offset_of(at);
        match open.block_at(offset) {
            Some((block, ..)) => {
                open.blocks.retain(|row| row.0 != block);
                let region = open.region;
                self.push(Action::Free { region, block }, note);
            }
            None => self.push(Action::Note, format!("free {note}").trim()),
        }
    }

    /// The bump pointer goes back to the place.
    pub fn rewound(&mut self, at: Place, note: &str) {
        let index = self.region(at);
        let open = &mut self.open[index];
        let (region, offset) = (open.region, open.offset_of(at));
        open.blocks.retain(|row| row.1 < offset);
        let action = match offset {
            0 => Action::Reset { region },
            offset => Action::Rewind {
                region,
                to: offset as u64,
            },
        };
        self.push(action, note);
    }

    /// Bytes are written, whoever they belong to.
    pub fn written(&mut self, at: Place, size: usize, note: &str) {
        let (region, at, size) = self.bytes(at, size);
        self.push(Action::Write { region, at, size }, note);
    }

    /// Bytes are looked at, whoever they belong to.
    pub fn seen(&mut self, at: Place, size: usize, note: &str) {
        let (region, at, size) = self.bytes(at, size);
        self.push(Action::Read { region, at, size }, note);
    }

    /// Something is wrong with bytes.
    pub fn fault(&mut self, violation: Violation, at: Place, size: usize, note: &str) {
        let (region, at, size) = self.bytes(at, size);
        let mut grounds = self.open.iter().chain(&self.ended);
        let ground = grounds.find(|open| open.region == region);
        let block = ground.and_then(|open| open.block_at(at as usize));
        let fault = Action::Fault {
            violation,
            region,
            at,
            size,
            block: block.map(|(block, ..)| block),
        };
        self.push(fault, note);
    }

    /// The process forks: the child has every region as the parent has it now.
    pub fn fork(&mut self) {
        for index in 0..self.open.len() {
            let (from, to) = (self.open[index].region, RegionId(self.regions));
            self.regions += 1;
            self.elsewhere.push(Open {
                region: to,
                ..self.open[index].clone()
            });
            let label = format!("{} in the child", self.open[index].name);
            self.push(Action::Fork { from, to }, &label);
        }
    }

    /// What follows happens in the other process.
    pub fn switch(&mut self) {
        std::mem::swap(&mut self.open, &mut self.elsewhere);
    }

    /// The other process ends, and its regions with it.
    pub fn join(&mut self) {
        for Open { region, .. } in std::mem::take(&mut self.elsewhere) {
            self.push(Action::Unmap { region }, "");
        }
    }

    /// What a region looks like, as its allocator tells it, from this base.
    pub fn snapshot(&mut self, base: Place, note: &str, spans: Vec<Span>) {
        let index = self.region(base);
        let label = (!note.is_empty()).then(|| self.trace.label(note));
        let region = self.open[index].region;
        self.trace.snapshot(Snapshot {
            region,
            label,
            spans,
        });
    }

    fn refused(&mut self, at: Place, size: usize, note: &str) {
        let index = self.region(at);
        let (region, size, align) = (self.open[index].region, size as u64, 0);
        self.push(
            Action::Refuse {
                region,
                size,
                align,
            },
            note.trim(),
        );
    }

    /// Bytes of a region that is there, or has ended.
    fn bytes(&mut self, at: Place, size: usize) -> (RegionId, u64, u64) {
        let is_open = self.open.iter().any(|open| open.has(at));
        let gone = self.ended.iter().rfind(|open| !is_open && open.has(at));
        if let Some(gone) = gone {
            return (gone.region, gone.offset_of(at) as u64, size as u64);
        }
        let index = self.region(at);
        let open = &self.open[index];
        (open.region, open.offset_of(at) as u64, size as u64)
    }

    /// The region that has this place; one begins if no line mapped it.
    fn region(&mut self, at: Place) -> usize {
        let named = |open: &Open| open.has(at) && open.name == at.name;
        let found = self.open.iter().rposition(named);
        found
            .or_else(|| self.open.iter().rposition(|open| open.has(at)))
            .unwrap_or_else(|| self.begin(at.name, at.name, at.base, None))
    }

    fn begin(
        &mut self,
        name: &'static str,
        label: &str,
        address: usize,
        size: Option<usize>,
    ) -> usize {
        let region = RegionId(self.regions);
        self.regions += 1;
        let base = if self.addresses { address as u64 } else { 0 };
        self.open.push(Open {
            region,
            name,
            address,
            size,
            blocks: Vec::new(),
            handed_out: 0,
            grown: None,
        });
        let size = size.unwrap_or_default() as u64;
        self.push(Action::Map { region, base, size }, label);
        self.open.len() - 1
    }

    fn end(&mut self, region: RegionId) {
        if let Some(index) = self.open.iter().position(|open| open.region == region) {
            self.ended.push(self.open.remove(index));
        }
        self.push(Action::Unmap { region }, "");
    }

    fn push(&mut self, action: Action, note: &str) {
        let mut event = Event::new(action);
        event.site = self.site;
        event.label = (!note.is_empty()).then(|| self.trace.label(unquoted(note)));
        self.trace.record(event);
    }
}

fn address_of(place: Place) -> usize {
    place.base.wrapping_add(place.offset)
}

fn extent(offset: usize, size: usize) -> Extent {
    Extent::new(offset as u64, size as u64)
}

/// A note that is only a text in quotes, without them.
fn unquoted(note: &str) -> &str {
    let inner = note
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(note)
}

#[cfg(test)]
mod tests;
