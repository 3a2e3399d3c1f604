//! The parent's half of the script.

use std::ptr;
use std::sync::atomic::Ordering;

use arena_core::region::page_size;

use crate::child::{Child, Patience};
use crate::end::{End, Silence};
use crate::error::ProbeError;
use crate::inherited::{
    BLOCK, Bytes, CHILD_BYTE, CHILD_SIGN, Inherited, PARENT_BYTE, PARENT_SIGN, command, write,
};
use crate::map::{self, Stage};
use crate::notes::{Notes, os_error};
use crate::observation::{
    Accounts, BothAllocate, Observation, PageState, Source, Times, Writes, to_nanoseconds,
};
use crate::recipe::{Mapping, pattern};
use crate::sight::{Sight, Snapshot};

/// Perform the script on a mapping that is filled.
pub(crate) fn observe(
    name: String,
    mapping: &Mapping,
    patience: Patience<'_>,
) -> Result<Observation, ProbeError> {
    if patience.is_over() {
        return Err(ProbeError::Interrupted);
    }
    let all = Bytes {
        start: mapping.pointer(0),
        page_size: page_size(),
        first: 0,
        step: 1,
        end: mapping.pages(),
    };
    let notes = Notes::new(mapping.pages())?;
    let mut sight = Sight::default();
    let before = sight.look(mapping, None);
    let mut inherited = Inherited {
        mapping,
        notes: &notes,
        all,
        written: Bytes { step: 2, ..all },
        block: ptr::null_mut(),
    };
    // SAFETY: `perform` makes async-signal-safe calls only, and the mapping is not changed by another
    // thread: it is borrowed here.
    let child = unsafe { Child::fork(patience, &mut |command| inherited.perform(command)) };
    let child = child.map_err(|error| ProbeError::Os {
        doing: "forking",
        source: os_error(error),
    })?;
    let mut script = Script {
        mapping,
        notes: &notes,
        all,
        sight,
        seen: blank(name, mapping, &child, before),
        stages: Vec::new(),
        parent_saw: Vec::new(),
        child_saw: Vec::new(),
        child,
    };
    let silence = script.perform().err();
    Ok(script.finish(silence))
}

fn blank(name: String, mapping: &Mapping, child: &Child<'_>, before: Snapshot) -> Observation {
    let mut seen = Observation {
        name,
        page_size: page_size(),
        child_sees_inherited: None,
        parent_sees_child: None,
        child_sees_parent: None,
        map: vec![PageState::Unknown; mapping.pages()],
        map_source: Source::Bytes,
        child: Writes::default(),
        parent: Writes::default(),
        rewrites: Writes::default(),
        parent_accounts: Accounts::default(),
        child_accounts: Accounts::default(),
        times: Times {
            fork_ns: to_nanoseconds(child.fork_time),
            first_write_ns: None,
        },
        both_allocate: None,
        end: End::Lost,
        refusal: None,
        complete: false,
        unseen: Vec::new(),
    };
    seen.parent_accounts.before = before.account;
    seen
}

struct Script<'a> {
    mapping: &'a Mapping,
    notes: &'a Notes,
    all: Bytes,
    child: Child<'a>,
    sight: Sight,
    seen: Observation,
    /// After the child has read, after it has written, after the parent has written.
    stages: Vec<Stage>,
    /// Which pages showed the parent what the child had written; empty until it has looked.
    parent_saw: Vec<bool>,
    /// Which pages showed the child what the parent had written.
    child_saw: Vec<bool>,
}

impl Script<'_> {
    fn perform(&mut self) -> Result<(), Silence> {
        self.child.tell(command::WARM_UP)?;
        self.inherit()?;
        if self.mapping.writable {
            self.child_writes()?;
            self.parent_writes()?;
            self.parent_rewrites();
            self.both_allocate()?;
        }
        if self.mapping.trespass.is_some() {
            self.child.tell(command::TRESPASS)?;
        }
        Ok(())
    }

    fn stage(&mut self) {
        let stage = Stage {
            parent: self.sight.look(self.mapping, None),
            child: self.sight.look(self.mapping, self.child.pid()),
        };
        self.stages.push(stage);
    }

    /// What the child noted of a page.
    fn noted(&self, page: usize) -> u8 {
        self.notes.bytes()[page].load(Ordering::Relaxed)
    }

    /// What the parent reads in a page.
    fn read(&self, page: usize) -> u8 {
        // SAFETY: the mapping is readable, and the child waits.
        unsafe { self.mapping.pointer(page).read_volatile() }
    }

    fn inherit(&mut self) -> Result<(), Silence> {
        self.child.tell(command::READ)?;
        self.stage();
        let sees = (0..self.mapping.pages()).all(|page| self.noted(page) == pattern(page));
        self.seen.child_sees_inherited = Some(sees);
        for page in 0..self.mapping.pages() {
            if self.noted(page) == 0 {
                self.seen.map[page] = PageState::Zeroed;
            }
        }
        Ok(())
    }

    fn child_writes(&mut self) -> Result<(), Silence> {
        let written = Bytes {
            step: 2,
            ..self.all
        };
        self.child.tell(command::WRITE)?;
        let header = self.notes.header();
        self.seen.times.first_write_ns = Some(header.first_write.load(Ordering::Relaxed));
        self.seen.child = self.counted(written, header.faults.load(Ordering::Relaxed));
        let pages = 0..written.end;
        self.parent_saw = pages.map(|page| self.read(page) == CHILD_BYTE).collect();
        let mut of_those = self.parent_saw.iter().step_by(2);
        self.seen.parent_sees_child = Some(of_those.all(|&saw| saw));
        Ok(())
    }

    fn parent_writes(&mut self) -> Result<(), Silence> {
        let written = Bytes {
            first: 1.min(self.all.end),
            step: 4,
            ..self.all
        };
        // SAFETY: the mapping is writable, and the child waits.
        let (faults, _) = unsafe { write(written, PARENT_BYTE) };
        self.seen.parent = self.counted(written, faults);
        self.child.tell(command::READ)?;
        let pages = 0..written.end;
        self.child_saw = pages.map(|page| self.noted(page) == PARENT_BYTE).collect();
        if written.count() > 0 {
            let mut of_those = self.child_saw.iter().skip(1).step_by(4);
            self.seen.child_sees_parent = Some(of_those.all(|&saw| saw));
        }
        Ok(())
    }

    /// The parent writes where the child wrote before: a copy was made already, and is not made again.
    fn parent_rewrites(&mut self) {
        let written = Bytes {
            step: 2,
            ..self.all
        };
        // SAFETY: as above.
        let (faults, _) = unsafe { write(written, PARENT_BYTE) };
        self.seen.rewrites = self.counted(written, faults);
    }

    /// Count what a side's writes did, by comparing the page tables before and after.
    fn counted(&mut self, written: Bytes, faults: u64) -> Writes {
        self.stage();
        let [.., before, after] = &self.stages[..] else {
            unreachable!("a stage was noted before the writes");
        };
        let pages = 0..self.all.end;
        let copied = pages
            .map(|page| Some(before.is_same(page)? && !after.is_same(page)?))
            .collect::<Option<Vec<bool>>>();
        let shared = |stage: &Stage| Some(stage.parent.account?.shared() / page_size());
        Writes {
            pages: written.count(),
            faults,
            copied_by_pagemap: copied
                .map(|pages| pages.into_iter().filter(|&copied| copied).count()),
            copied_by_smaps: shared(before)
                .zip(shared(after))
                .map(|(before, after)| before.saturating_sub(after)),
        }
    }

    fn both_allocate(&mut self) -> Result<(), Silence> {
        let Some(arena) = self.mapping.arena() else {
            return Ok(());
        };
        self.child.tell(command::ALLOCATE)?;
        let Ok(block) = arena.try_alloc_layout(BLOCK) else {
            return Ok(());
        };
        // SAFETY: a fresh block of this process's arena, aligned to 8.
        unsafe { block.cast::<u64>().write_volatile(PARENT_SIGN) };
        self.child.tell(command::LOOK)?;
        let base = arena.base().addr().get();
        let header = self.notes.header();
        self.seen.both_allocate = Some(BothAllocate {
            parent_offset: block.addr().get() - base,
            child_offset: header.block.load(Ordering::Relaxed).wrapping_sub(base),
            child_bytes_lost: header.found.load(Ordering::Relaxed) != CHILD_SIGN,
        });
        Ok(())
    }

    fn finish(mut self, silence: Option<Silence>) -> Observation {
        let mut seen = self.seen;
        seen.refusal = self.notes.refusal(self.mapping.start(), page_size());
        let performed = silence.is_none();
        seen.end = match silence {
            Some(Silence::Ended(end)) => end,
            Some(Silence::Interrupted) | None => self.child.end(),
        };
        if seen.child_sees_inherited.is_none() && seen.refusal.is_some() {
            seen.map.fill(PageState::Absent);
        }
        seen.map_source = map::draw(
            &mut seen.map,
            &self.stages,
            &self.parent_saw,
            &self.child_saw,
        );
        let [read, written] = [self.stages.first(), self.stages.get(2)];
        seen.parent_accounts.forked = read.and_then(|stage| stage.parent.account);
        seen.child_accounts.forked = read.and_then(|stage| stage.child.account);
        seen.parent_accounts.written = written.and_then(|stage| stage.parent.account);
        seen.child_accounts.written = written.and_then(|stage| stage.child.account);
        seen.parent_accounts.after = self.sight.look(self.mapping, None).account;
        seen.complete = match seen.end {
            End::Exited { code: 0 } => performed,
            End::Killed { .. } => silence != Some(Silence::Interrupted) && seen.refusal.is_some(),
            _ => false,
        };
        seen.unseen = self.sight.unseen;
        seen
    }
}
