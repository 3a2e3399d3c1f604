//! A leak checker by hand: it knows every block of malloc, and looks for pointers to each.

/// A block of malloc, as the checker has noted it when it was handed out.
pub(super) struct Block {
    pub(super) name: &'static str,
    pub(super) start: usize,
    pub(super) len: usize,
}

/// What a leak checker says of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Reachable,
    Possibly,
    Indirectly,
    Definitely,
}

impl Verdict {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Reachable => "still reachable",
            Self::Possibly => "possibly lost",
            Self::Indirectly => "indirectly lost",
            Self::Definitely => "definitely lost",
        }
    }
}

/// Judges blocks that hold no pointers themselves.
pub(super) fn judge(blocks: &[Block], variables: &[usize]) -> Vec<Verdict> {
    judge_with(blocks, variables, |_| Vec::new())
}

// stamp: judge
/// Judges every block. Any word that looks like a pointer counts as one: the checker does not know types.
pub(super) fn judge_with(
    blocks: &[Block],
    variables: &[usize],
    words_in: impl Fn(&Block) -> Vec<usize>,
) -> Vec<Verdict> {
    let to_start = |word, block: &Block| word == block.start;
    let to_middle = |word, block: &Block| word > block.start && word < block.start + block.len;
    // First what the program can still find by the starts of blocks, then by pointers into them as well.
    let reachable = found(blocks, variables, &words_in, &to_start);
    let anyhow = found(blocks, variables, &words_in, &|word, block| {
        to_start(word, block) || to_middle(word, block)
    });
    let lost = |index: usize| !anyhow[index];
    // Of what is lost, a block that another lost one points at would be found again with it.
    let has_parent = |index: usize| {
        (0..blocks.len()).any(|other| {
            let points = |word| to_start(word, &blocks[index]);
            other != index && lost(other) && words_in(&blocks[other]).into_iter().any(points)
        })
    };
    let verdicts = (0..blocks.len()).map(|index| match (reachable[index], anyhow[index]) {
        (true, _) => Verdict::Reachable,
        (false, true) => Verdict::Possibly,
        (false, false) if has_parent(index) => Verdict::Indirectly,
        (false, false) => Verdict::Definitely,
    });
    verdicts.collect()
}

/// Which blocks are found from the variables, directly or by way of other blocks.
fn found(
    blocks: &[Block],
    variables: &[usize],
    words_in: &impl Fn(&Block) -> Vec<usize>,
    points_at: &impl Fn(usize, &Block) -> bool,
) -> Vec<bool> {
    let mut found = vec![false; blocks.len()];
    let mut words = variables.to_vec();
    while let Some(word) = words.pop() {
        for (index, block) in blocks.iter().enumerate() {
            if !found[index] && points_at(word, block) {
                found[index] = true;
                words.extend(words_in(block));
            }
        }
    }
    found
}
// /stamp: judge
