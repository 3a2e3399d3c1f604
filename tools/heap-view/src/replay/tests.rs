//! What a replay notices, on an allocator that is wrong in a way of its own.

use super::*;

const TEXT: &str = "1000\n3\n7\n1\na 0 100\na 1 50\nr 0 200\na 2 0\nf 1\nr 0 10\nf 0\n";

fn rep() -> Rep {
    Rep::read(TEXT.as_bytes()).expect("a workload")
}

/// What an allocator can do wrong.
#[derive(PartialEq)]
enum Sin {
    None,
    RefusesTheThird,
    LosesBytesOnRealloc,
    WritesIntoNeighbours,
    GivesTooLittle,
    HandsOutTwice,
}

struct Sinner {
    sin: Sin,
    calls: usize,
    /// Blocks live here, and are known by their place.
    blocks: Vec<Vec<u8>>,
    freed: usize,
}

impl Sinner {
    fn new(sin: Sin) -> Self {
        Self {
            sin,
            calls: 0,
            blocks: Vec::new(),
            freed: 0,
        }
    }
}

impl Subject for Sinner {
    type Block = usize;

    fn alloc(&mut self, size: usize) -> Result<usize, Refused> {
        self.calls += 1;
        if self.sin == Sin::RefusesTheThird && self.calls == 3 {
            return Err(Refused("not the third".to_owned()));
        }
        if self.sin == Sin::HandsOutTwice && self.calls == 2 {
            return Ok(0);
        }
        let size = match self.sin {
            Sin::GivesTooLittle => size.saturating_sub(1),
            _ => size,
        };
        self.blocks.push(vec![0; size]);
        Ok(self.blocks.len() - 1)
    }

    fn realloc(&mut self, block: &mut usize, size: usize) -> Result<(), Refused> {
        self.calls += 1;
        if self.sin == Sin::RefusesTheThird && self.calls == 3 {
            return Err(Refused("not the third".to_owned()));
        }
        if self.sin == Sin::WritesIntoNeighbours {
            self.blocks[1][7] ^= 1;
        }
        let bytes = &mut self.blocks[*block];
        bytes.resize(size, 0);
        if self.sin == Sin::LosesBytesOnRealloc {
            bytes[3] ^= 1;
        }
        Ok(())
    }

    fn free(&mut self, block: usize) {
        self.freed += 1;
        // What is freed twice stays, for the block that is still live there.
        if self.sin != Sin::HandsOutTwice {
            self.blocks[block].clear();
        }
    }

    fn with_bytes(&mut self, block: &mut usize, look: &mut dyn FnMut(&mut [u8])) {
        look(&mut self.blocks[*block]);
    }
}

fn stopped(sin: Sin) -> (usize, String) {
    let mut subject = Sinner::new(sin);
    let outcome = replay(&rep(), &mut subject);
    // Whatever went wrong, nothing is left behind.
    assert!(subject.freed >= subject.blocks.len());
    (
        outcome.done,
        outcome
            .stopped
            .map_or_else(String::new, |why| why.to_string()),
    )
}

#[test]
fn a_good_allocator_is_replayed_to_the_end() {
    assert_eq!(stopped(Sin::None), (7, String::new()));
    let outcome = replay(&rep(), &mut Malloc);
    assert_eq!(
        (outcome.done, outcome.most_live, outcome.stopped),
        (7, 250, None)
    );
}

#[test]
fn each_sin_is_noticed() {
    let said = |text: &str| text.to_owned();
    assert_eq!(
        stopped(Sin::RefusesTheThird),
        (2, said("operation 2: 200 bytes refused: not the third"))
    );
    assert_eq!(
        stopped(Sin::LosesBytesOnRealloc),
        (
            2,
            said("operation 2: byte 3 of block 0 is not what was written there")
        )
    );
    assert_eq!(
        stopped(Sin::WritesIntoNeighbours),
        (
            4,
            said("operation 4: byte 7 of block 1 is not what was written there")
        )
    );
    assert_eq!(
        stopped(Sin::HandsOutTwice),
        (
            2,
            said("operation 2: byte 0 of block 0 is not what was written there")
        )
    );
    assert_eq!(
        stopped(Sin::GivesTooLittle),
        (
            0,
            said("operation 0: block 0 has 99 bytes, 100 were asked for")
        )
    );
}

#[test]
fn a_block_that_is_left_is_checked_and_freed() {
    let rep = Rep::read(&b"1\n1\n1\n1\na 0 8\n"[..]).expect("a workload");
    let mut subject = Sinner::new(Sin::None);
    assert_eq!(replay(&rep, &mut subject).stopped, None);
    assert_eq!(subject.freed, 1);
}
