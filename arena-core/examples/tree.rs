//! A tree in an arena: nodes refer to each other, and the whole of it dies at once.

// stamp: tree
use arena_core::Arena;

struct Node<'a> {
    word: &'a str,
    children: &'a [Node<'a>],
}

fn tree<'a>(arena: &'a Arena, word: &str, depth: u32) -> Node<'a> {
    let children = (0..depth).map(|n| tree(arena, &format!("{word}.{n}"), n));
    Node {
        word: arena.alloc_str(word),
        children: arena.alloc_slice_from_iter(children),
    }
}

fn count(node: &Node<'_>) -> usize {
    1 + node.children.iter().map(count).sum::<usize>()
}

fn main() {
    let arena = Arena::new();
    let root = tree(&arena, "root", 10);
    assert_eq!((root.word, count(&root)), ("root", 1024));
} // one munmap, however many nodes
// /stamp: tree
