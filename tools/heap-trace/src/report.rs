//! What a tracer has to tell.

use std::fmt;

use crate::fault::Fault;
use crate::reach::{self, Class, Leak};
use crate::record::Record;
use crate::stack;

#[cfg(feature = "json")]
mod json;
mod suppress;
#[cfg(test)]
mod tests;

pub use suppress::{BadSuppression, Suppressed, Suppressions};

/// How much memory is meant by what: the four are not the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Blocks handed out so far.
    pub allocations: u64,
    /// Blocks freed one by one so far.
    pub frees: u64,
    /// Bytes that the program asked for and has not given back.
    pub requested: usize,
    /// Bytes that were handed out for that: red zones, padding and quarantine included.
    pub granted: usize,
    /// Bytes that may be touched without asking the OS again.
    pub committed: usize,
    /// Bytes that are in memory now, if the OS says.
    pub resident: Option<usize>,
    /// Bytes of address space that the tracer's own tables take.
    pub ledger: usize,
}

/// Blocks and bytes of a class, together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many blocks.
    pub blocks: usize,
    /// The bytes asked for.
    pub bytes: usize,
}

/// What a tracer has to tell: faults in the order in which they were seen, and live blocks by class and
/// site.
///
/// Its `Display` is the report as people know it from leak checkers.
#[derive(Debug, Clone)]
#[must_use = "a report that nobody looks at finds nothing"]
pub struct Report {
    /// What was traced.
    pub of: String,
    /// The faults.
    pub faults: Vec<Fault>,
    /// Faults that were seen and not kept.
    pub faults_dropped: u64,
    /// Live blocks, grouped by class and site: the worst class first, in it the largest group.
    pub leaks: Vec<Leak>,
    /// What suppressions took out.
    pub suppressed: Vec<Suppressed>,
    /// How much memory.
    pub numbers: Numbers,
    /// What the tracer could not do, or did otherwise than usual.
    pub notes: Vec<String>,
    /// Whether its text lists what is still reachable, group by group.
    pub(crate) lists_reachable: bool,
    /// The live blocks one by one.
    pub(crate) blocks: Vec<(Class, Record)>,
}

impl Report {
    pub(crate) fn new(of: &str, blocks: Vec<(Class, Record)>, faults: &[Fault]) -> Self {
        let mut notes = Vec::new();
        if stack::dropped() > 0 {
            notes.push(format!("no memory for {} stacks", stack::dropped()));
        }
        Self {
            of: of.to_owned(),
            faults: faults.to_vec(),
            faults_dropped: 0,
            leaks: reach::grouped(&blocks),
            suppressed: Vec::new(),
            numbers: Numbers::default(),
            notes,
            lists_reachable: true,
            blocks,
        }
    }

    /// Say one thing more.
    #[cfg(feature = "events")]
    pub(crate) fn with_note(mut self, note: Option<String>) -> Self {
        self.notes.extend(note);
        self
    }

    /// Leave out the blocks that were there at a mark: what is left is new and still live.
    pub fn since(mut self, mark: u64) -> Self {
        self.blocks.retain(|(_, block)| block.id >= mark);
        self.leaks = reach::grouped(&self.blocks);
        self
    }

    /// Take out what the suppressions name, and count it.
    pub fn without(mut self, suppressions: &Suppressions) -> Self {
        suppressions.apply(&mut self);
        self
    }

    /// Return blocks and bytes of a class.
    pub fn sum(&self, class: Class) -> Sum {
        let leaks = self.leaks.iter().filter(|leak| leak.class == class);
        leaks.fold(Sum::default(), |sum, leak| Sum {
            blocks: sum.blocks + leak.blocks,
            bytes: sum.bytes + leak.bytes,
        })
    }

    /// Return blocks and bytes that are lost for sure: definitely or indirectly.
    pub fn lost(&self) -> Sum {
        let (a, b) = (
            self.sum(Class::DefinitelyLost),
            self.sum(Class::IndirectlyLost),
        );
        Sum {
            blocks: a.blocks + b.blocks,
            bytes: a.bytes + b.bytes,
        }
    }

    /// Tell whether nothing is wrong: no fault, and nothing lost for sure.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty() && self.faults_dropped == 0 && self.lost().blocks == 0
    }

    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = self.faults.len() as u64 + self.faults_dropped;
        let plural = if faults == 1 { "" } else { "s" };
        writeln!(f, "heap-trace: {}: {faults} fault{plural}", self.of)?;
        for class in Class::ALL {
            let Sum { blocks, bytes } = self.sum(class);
            if blocks > 0 {
                let name = format!("{}:", class.name());
                let unlisted = match class {
                    Class::StillReachable if !self.lists_reachable => " (not listed)",
                    _ => "",
                };
                writeln!(f, "  {name:<16} {bytes} bytes in {blocks} blocks{unlisted}")?;
            }
        }
        for suppressed in &self.suppressed {
            writeln!(f, "  {:<16} {suppressed}", "suppressed:")?;
        }
        let numbers = &self.numbers;
        write!(
            f,
            "  {} allocated, {} freed; bytes: {} requested, {} granted, {} committed",
            numbers.allocations,
            numbers.frees,
            numbers.requested,
            numbers.granted,
            numbers.committed
        )?;
        match numbers.resident {
            Some(resident) => writeln!(f, ", {resident} resident")?,
            None => writeln!(f)?,
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_summary(f)?;
        for fault in &self.faults {
            writeln!(f, "\n{fault}")?;
        }
        if self.faults_dropped > 0 {
            writeln!(f, "\nfaults that were not kept: {}", self.faults_dropped)?;
        }
        let is_listed = |leak: &&Leak| self.lists_reachable || leak.class != Class::StillReachable;
        for leak in self.leaks.iter().filter(is_listed) {
            let Leak {
                class,
                blocks,
                bytes,
                ..
            } = leak;
            writeln!(
                f,
                "\n{}: {bytes} bytes in {blocks} blocks, first #{}",
                class.name(),
                leak.first
            )?;
            writeln!(f, "    allocated {}", leak.site())?;
        }
        Ok(())
    }
}
