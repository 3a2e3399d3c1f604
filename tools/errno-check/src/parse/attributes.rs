//! Attributes: promises that are modelled, a list that says nothing here, and nothing else.

use super::cursor::Cursor;
use crate::ir::{Access, Effects, Promises, Type};
use crate::lex::Token;
use crate::refusal::Refusal;

/// On functions: nothing that these say is about the values and the memory of the model.
const SKIPPED: [&str; 22] = [
    "alwaysinline",
    "cold",
    "hot",
    "inlinehint",
    "local_unnamed_addr",
    "minsize",
    "mustprogress",
    "nocallback",
    "noinline",
    "nomerge",
    "norecurse",
    "noredzone",
    "nosync",
    "nounwind",
    "optnone",
    "optsize",
    "ssp",
    "sspreq",
    "sspstrong",
    "unnamed_addr",
    "uwtable",
    "willreturn",
];

/// Text attributes that say how code is made, not what it means.
const SKIPPED_TEXTS: [&str; 8] = [
    "alloc-family",
    "frame-pointer",
    "min-legal-vector-width",
    "no-trapping-math",
    "stack-protector-buffer-size",
    "target-cpu",
    "target-features",
    "tune-cpu",
];

/// Where a list of attributes stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// On a function of the pair.
    Defined,
    /// On a function that is declared, or on a call of it.
    Called,
}

/// What the attributes of a function say.
#[derive(Debug, Clone, Default)]
pub(super) struct OfFunction {
    pub(super) allocsize: Option<Vec<usize>>,
    pub(super) allockind: Option<String>,
    pub(super) memory: Option<Effects>,
    /// Whether it is said to free nothing.
    pub(super) nofree: bool,
}

/// Reads the attributes behind a parameter list, groups included.
pub(super) fn of_function(cursor: &mut Cursor, place: Where) -> Result<OfFunction, Refusal> {
    let mut found = OfFunction::default();
    loop {
        match cursor.peek().clone() {
            Token::Group(name) => {
                let inside = cursor.group(&name)?;
                cursor.next();
                let back = cursor.place();
                cursor.go_to(inside);
                while *cursor.peek() != Token::Mark("}") {
                    if !one(cursor, place, &mut found)? {
                        return Err(cursor.refuse("no attribute that is understood"));
                    }
                }
                cursor.go_to(back);
            }
            // What stands on the next line is the next instruction or declaration.
            Token::Word(_) if place == Where::Called && cursor.on_new_line() => return Ok(found),
            _ if one(cursor, place, &mut found)? => {}
            _ => return Ok(found),
        }
    }
}

/// Reads one attribute; false if none stands here.
fn one(cursor: &mut Cursor, place: Where, found: &mut OfFunction) -> Result<bool, Refusal> {
    match cursor.peek().clone() {
        Token::Text(text) => text_attribute(cursor, &text),
        Token::Word(word) => match word.as_str() {
            "nofree" if place == Where::Called => {
                cursor.next();
                found.nofree = true;
                Ok(true)
            }
            "allocsize" if place == Where::Called => {
                cursor.next();
                found.allocsize = Some(indices(cursor)?);
                Ok(true)
            }
            "allockind" if place == Where::Called => {
                cursor.next();
                found.allockind = Some(text_in_parentheses(cursor)?);
                Ok(true)
            }
            "memory" if place == Where::Called => {
                cursor.next();
                let effects = memory(cursor)?;
                found.memory = Some(found.memory.map_or(effects, |known| known.and(effects)));
                Ok(true)
            }
            _ if SKIPPED.contains(&word.as_str()) => {
                cursor.next();
                if word == "uwtable" && *cursor.peek() == Token::Mark("(") {
                    cursor.skip_balanced("(", ")")?;
                }
                Ok(true)
            }
            _ => Err(cursor.refuse("an attribute that is not modelled here")),
        },
        _ => Ok(false),
    }
}

fn text_attribute(cursor: &mut Cursor, name: &str) -> Result<bool, Refusal> {
    if !SKIPPED_TEXTS.contains(&name) {
        return Err(cursor.refuse("an attribute that is not modelled here"));
    }
    cursor.next();
    if cursor.take("=") && !matches!(cursor.next(), Token::Text(_)) {
        return Err(cursor.refuse("expected the value of a text attribute before this"));
    }
    Ok(true)
}

fn indices(cursor: &mut Cursor) -> Result<Vec<usize>, Refusal> {
    cursor.expect("(")?;
    let mut found = Vec::new();
    loop {
        let wrong = cursor.refuse("expected the place of a parameter");
        let index = usize::try_from(cursor.number()?).map_err(|_| wrong)?;
        found.push(index);
        if !cursor.take(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(found)
}

fn text_in_parentheses(cursor: &mut Cursor) -> Result<String, Refusal> {
    cursor.expect("(")?;
    let Token::Text(text) = cursor.peek().clone() else {
        return Err(cursor.refuse("expected a text"));
    };
    cursor.next();
    cursor.expect(")")?;
    Ok(text)
}

const NONE: Access = Access {
    reads: false,
    writes: false,
};

impl Access {
    fn and(self, other: Self) -> Self {
        Self {
            reads: self.reads && other.reads,
            writes: self.writes && other.writes,
        }
    }
}

impl Effects {
    const fn all(access: Access) -> Self {
        Self {
            argmem: access,
            inaccessible: access,
            errno: access,
            other: access,
        }
    }

    /// What two promises leave together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            argmem: self.argmem.and(other.argmem),
            inaccessible: self.inaccessible.and(other.inaccessible),
            errno: self.errno.and(other.errno),
            other: self.other.and(other.other),
        }
    }

    /// Whether nothing is accessed at all.
    pub(super) fn is_none(self) -> bool {
        self == Self::all(NONE)
    }
}

/// `(argmem: readwrite, errnomem: write)`; what is not named has the access that stands first alone, or none.
fn memory(cursor: &mut Cursor) -> Result<Effects, Refusal> {
    cursor.expect("(")?;
    let mut effects = Effects::all(NONE);
    loop {
        let named = *cursor.peek_second() == Token::Mark(":");
        let refused = cursor.refuse("a kind of memory that is not modelled");
        if named {
            let kind = cursor.word("a kind of memory")?;
            cursor.expect(":")?;
            let access = access(cursor)?;
            match kind.as_str() {
                "argmem" => effects.argmem = access,
                "inaccessiblemem" => effects.inaccessible = access,
                "errnomem" => effects.errno = access,
                _ => return Err(refused),
            }
        } else {
            effects = Effects::all(access(cursor)?);
        }
        if !cursor.take(",") {
            break;
        }
    }
    cursor.expect(")")?;
    Ok(effects)
}

fn access(cursor: &mut Cursor) -> Result<Access, Refusal> {
    let wrong = cursor.refuse("expected none, read, write or readwrite");
    let (reads, writes) = match cursor.word("an access")?.as_str() {
        "none" => (false, false),
        "read" => (true, false),
        "write" => (false, true),
        "readwrite" => (true, true),
        _ => return Err(wrong),
    };
    Ok(Access { reads, writes })
}

/// Reads the promises on a parameter, an argument or a result. What a library function promises of its own parameters
/// (`captures(none)`, `allocptr`) is true of it and said of no other.
pub(super) fn promises(
    cursor: &mut Cursor,
    of: Option<&Type>,
    library: bool,
) -> Result<Promises, Refusal> {
    let mut found = Promises::default();
    while let Token::Word(word) = cursor.peek().clone() {
        let pointer = of.is_none_or(|of| *of == Type::Ptr);
        let only_pointers = cursor.refuse("a promise of pointers only");
        match word.as_str() {
            "noundef" => found.noundef = true,
            "signext" | "zeroext" => {}
            "nocapture" | "allocptr" | "allocalign" | "captures" if library => {}
            "noalias" | "nonnull" | "align" | "dereferenceable" | "dereferenceable_or_null"
                if !pointer =>
            {
                return Err(only_pointers);
            }
            "noalias" => found.noalias = true,
            "nonnull" => found.nonnull = true,
            "align" | "dereferenceable" | "dereferenceable_or_null" => {}
            _ => return Ok(found),
        }
        cursor.next();
        match word.as_str() {
            "align" => found.align = alignment(cursor)?,
            "dereferenceable" => found.dereferenceable = in_parentheses(cursor)?,
            "dereferenceable_or_null" => found.dereferenceable_or_null = in_parentheses(cursor)?,
            "captures" => {
                cursor.expect("(")?;
                cursor.expect_word("none")?;
                cursor.expect(")")?;
            }
            _ => {}
        }
    }
    Ok(found)
}

fn in_parentheses(cursor: &mut Cursor) -> Result<u64, Refusal> {
    cursor.expect("(")?;
    let wrong = cursor.refuse("expected a number of bytes from 1 to 2^32");
    let bytes = cursor.number()?;
    if bytes == 0 || bytes > 1 << 32 {
        return Err(wrong);
    }
    cursor.expect(")")?;
    Ok(bytes)
}

/// `align 4` or `align(4)`.
pub(super) fn alignment(cursor: &mut Cursor) -> Result<u64, Refusal> {
    let parentheses = cursor.take("(");
    let wrong = cursor.refuse("expected a power of two up to 4096");
    let align = cursor.number()?;
    if !align.is_power_of_two() || align > 4096 {
        return Err(wrong);
    }
    if parentheses {
        cursor.expect(")")?;
    }
    Ok(align)
}
