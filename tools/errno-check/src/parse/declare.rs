//! Declarations: what a called function is, known by its name or by its attributes.

use super::attributes::{self, OfFunction, Where};
use super::cursor::Cursor;
use super::types;
use crate::ir::{Callee, Effects, Promises, Type};
use crate::lex::Token;
use crate::refusal::Refusal;
use std::collections::HashMap;

/// A function that is declared.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) kind: Option<Library>,
    pub(super) attributes: OfFunction,
    pub(super) returns: Type,
    pub(super) result: Promises,
    pub(super) parameters: Vec<(Type, Promises)>,
}

/// A function of the C library that is known by its name.
#[derive(Debug)]
pub(super) struct Library {
    name: &'static str,
    callee: Callee,
    returns: Type,
    parameters: &'static [Type],
    /// What `allockind` may say of it.
    kinds: &'static [&'static str],
    /// What `allocsize` may say of it.
    size: &'static [usize],
}

impl Clone for Library {
    fn clone(&self) -> Self {
        Self {
            callee: self.callee.clone(),
            returns: self.returns.clone(),
            ..*self
        }
    }
}

const SIZE: Type = Type::Int(64);

const LIBRARY: [Library; 6] = [
    Library {
        name: "malloc",
        callee: Callee::Malloc,
        returns: Type::Ptr,
        parameters: &[SIZE],
        kinds: &["alloc", "uninitialized"],
        size: &[0],
    },
    Library {
        name: "calloc",
        callee: Callee::Calloc,
        returns: Type::Ptr,
        parameters: &[SIZE, SIZE],
        kinds: &["alloc", "zeroed"],
        size: &[0, 1],
    },
    Library {
        name: "realloc",
        callee: Callee::Realloc,
        returns: Type::Ptr,
        parameters: &[Type::Ptr, SIZE],
        kinds: &["realloc"],
        size: &[1],
    },
    Library {
        name: "free",
        callee: Callee::Free,
        returns: Type::Void,
        parameters: &[Type::Ptr],
        kinds: &["free"],
        size: &[],
    },
    Library {
        name: "posix_memalign",
        callee: Callee::PosixMemalign,
        returns: Type::Int(32),
        parameters: &[Type::Ptr, SIZE, SIZE],
        kinds: &[],
        size: &[],
    },
    Library {
        name: "__errno_location",
        callee: Callee::ErrnoLocation,
        returns: Type::Ptr,
        parameters: &[],
        kinds: &[],
        size: &[],
    },
];

/// The function of the C library with this name.
pub(super) fn library(name: &str) -> Option<Library> {
    LIBRARY.into_iter().find(|known| known.name == name)
}

/// Reads a declaration.
pub(super) fn declaration(
    cursor: &mut Cursor,
    declared: &mut HashMap<String, Declared>,
) -> Result<(), Refusal> {
    cursor.next();
    skip_linkage(cursor);
    let result = attributes::promises(cursor, None, false)?;
    let returns = return_type(cursor)?;
    let Token::Global(name) = cursor.peek().clone() else {
        return Err(cursor.refuse("expected the name of a function"));
    };
    // Debug records in their older dress; a call of one is refused.
    let debug = name.starts_with("llvm.dbg.");
    let here = cursor.refuse(format!("@{name} is declared twice"));
    cursor.next();
    if debug {
        cursor.skip_balanced("(", ")")?;
        attributes::of_function(cursor, Where::Called)?;
        return Ok(());
    }
    let kind = library(&name);
    let parameters = parameters(cursor, kind.is_some())?;
    let attributes = attributes::of_function(cursor, Where::Called)?;
    if declared.contains_key(&name) {
        return Err(here);
    }
    if let Some(kind) = &kind
        && (kind.returns != returns || !kind.parameters.iter().eq(parameters.iter().map(|p| &p.0)))
    {
        return Err(Refusal {
            message: "declared otherwise than the C library has it".to_owned(),
            ..here
        });
    }
    declared.insert(
        name,
        Declared {
            kind,
            attributes,
            returns,
            result,
            parameters,
        },
    );
    Ok(())
}

/// Where a function is visible is of no consequence in a pair.
pub(super) fn skip_linkage(cursor: &mut Cursor) {
    const WORDS: [&str; 6] = [
        "dso_local",
        "dso_preemptable",
        "internal",
        "private",
        "external",
        "ccc",
    ];
    while WORDS.iter().any(|word| cursor.take_word(word)) {}
}

pub(super) fn return_type(cursor: &mut Cursor) -> Result<Type, Refusal> {
    if cursor.take_word("void") {
        return Ok(Type::Void);
    }
    types::value_type(cursor)
}

fn parameters(cursor: &mut Cursor, library: bool) -> Result<Vec<(Type, Promises)>, Refusal> {
    cursor.expect("(")?;
    let mut found = Vec::new();
    while !cursor.take(")") {
        if !found.is_empty() {
            cursor.expect(",")?;
        }
        if *cursor.peek() == Token::Mark("...") {
            return Err(cursor.refuse("functions of any number of arguments are not in the subset"));
        }
        let of = types::scalar_type(cursor)?;
        let promises = attributes::promises(cursor, Some(&of), library)?;
        if promises.noalias {
            return Err(cursor.refuse("noalias before this: on parameters of the pair only"));
        }
        if matches!(cursor.peek(), Token::Local(_)) {
            cursor.next();
        }
        found.push((of, promises));
    }
    Ok(found)
}

/// What a function is, by its name or by what its declaration and this call of it say.
///
/// The second value says whether errno may be written, as `memory(...)` has it.
pub(super) fn callee(declared: &Declared, at_call: &OfFunction) -> Result<(Callee, bool), String> {
    let memory = match (declared.attributes.memory, at_call.memory) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    };
    let size = both(
        "allocsize",
        &declared.attributes.allocsize,
        &at_call.allocsize,
    )?;
    let kind = both(
        "allockind",
        &declared.attributes.allockind,
        &at_call.allockind,
    )?;
    let may_write_errno = memory.is_none_or(|memory| memory.errno.writes);
    let callee = match &declared.kind {
        Some(library) => {
            agrees(library, memory, size.as_deref(), kind.as_deref())?;
            let frees = matches!(library.callee, Callee::Free | Callee::Realloc);
            if frees && (declared.attributes.nofree || at_call.nofree) {
                return Err(format!("nofree is not true of {}", library.name));
            }
            library.callee.clone()
        }
        None if size.is_some() || kind.is_some() => {
            if let Some(memory) = memory {
                needs_inaccessible(memory)?;
            }
            allocator(declared, size, kind.as_deref())?
        }
        None if memory.is_some_and(Effects::is_none) => pure(declared)?,
        None => {
            return Err("a function without allocsize is to be memory(none)".to_owned());
        }
    };
    Ok((callee, may_write_errno))
}

fn both<T: Clone + PartialEq>(
    name: &str,
    one: &Option<T>,
    other: &Option<T>,
) -> Result<Option<T>, String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(format!(
            "{name} says one thing at the declaration and another at the call"
        )),
        _ => Ok(one.clone().or_else(|| other.clone())),
    }
}

/// Checks that the attributes say of a library function what is true of it.
fn agrees(
    library: &Library,
    memory: Option<Effects>,
    size: Option<&[usize]>,
    kind: Option<&str>,
) -> Result<(), String> {
    let name = library.name;
    if size.is_some_and(|size| size != library.size) {
        return Err(format!("allocsize does not say how {name} takes its size"));
    }
    for word in kind.iter().flat_map(|kind| kind.split(',')) {
        if !library.kinds.contains(&word) {
            return Err(format!("allockind {word:?} is not true of {name}"));
        }
    }
    let Some(memory) = memory else { return Ok(()) };
    match library.callee {
        Callee::ErrnoLocation => return Ok(()),
        Callee::Malloc | Callee::Calloc => {}
        Callee::PosixMemalign if memory.argmem.writes => {}
        _ if memory.argmem.reads && memory.argmem.writes => {}
        _ => {
            return Err(format!(
                "memory(…) does not allow what {name} does to its argument"
            ));
        }
    }
    needs_inaccessible(memory)
}

/// An allocator keeps its books where the program cannot look.
fn needs_inaccessible(memory: Effects) -> Result<(), String> {
    if memory.inaccessible.reads && memory.inaccessible.writes {
        return Ok(());
    }
    Err("an allocator is at least memory(inaccessiblemem: readwrite)".to_owned())
}

fn allocator(
    declared: &Declared,
    size: Option<Vec<usize>>,
    kind: Option<&str>,
) -> Result<Callee, String> {
    let Some(size) = size else {
        return Err("an allocator needs allocsize: its size is not known".to_owned());
    };
    let words: Vec<_> = kind.iter().flat_map(|kind| kind.split(',')).collect();
    let known = ["alloc", "uninitialized", "zeroed"];
    if let Some(word) = words.iter().find(|word| !known.contains(word)) {
        return Err(format!(
            "allockind {word:?} is understood of the C library's functions only"
        ));
    }
    let integers = declared.parameters.iter().all(|(of, _)| *of == SIZE);
    let in_range =
        !size.is_empty() && size.len() <= 2 && size.iter().all(|&i| i < declared.parameters.len());
    if declared.returns != Type::Ptr || !integers || !in_range {
        return Err(
            "an allocator takes i64 and returns ptr; allocsize names one or two of its parameters"
                .to_owned(),
        );
    }
    let zeroed = words.contains(&"zeroed");
    Ok(Callee::Allocator { size, zeroed })
}

fn pure(declared: &Declared) -> Result<Callee, String> {
    let integer = |of: &Type| matches!(of, Type::Int(_));
    if !integer(&declared.returns) || !declared.parameters.iter().all(|(of, _)| integer(of)) {
        return Err("a memory(none) function takes and returns integers in the subset".to_owned());
    }
    Ok(Callee::Pure)
}
