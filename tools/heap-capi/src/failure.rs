//! Why a call failed: what C gets as a code, a message and an errno.

use core::ffi::c_int;
use core::fmt;
use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arena_core::{AllocError, BuildError, Cause, RegionError};
use tagheap::OpenError;

use crate::slots::HandleError;

/// What a call came to.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It did what it was asked to.
    Ok = 0,
    /// An argument that must not be NULL is NULL.
    Null = 1,
    /// A handle that no create function returned.
    NoHandle = 2,
    /// A handle whose object was destroyed.
    Destroyed = 3,
    /// A handle of the other kind.
    WrongKind = 4,
    /// The object is in use: by another thread, or by the call whose callback this is.
    Busy = 5,
    /// There is no room: errno is ENOMEM.
    NoMemory = 6,
    /// An argument has no meaning here: a size, an alignment, a tag.
    Invalid = 7,
    /// A checkpoint of another arena, or one that a reset or a rewind has passed.
    Checkpoint = 8,
    /// A pointer that is no payload of a live block of this heap.
    Pointer = 9,
    /// The heap is damaged: something wrote past its block.
    Damaged = 10,
    /// The system refused; errno says why.
    System = 11,
    /// A mistake of this library; the message says where. The object may be used and destroyed.
    Panic = 12,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The argument of this name is NULL.
    Null(&'static str),
    Handle(HandleError),
    Alloc(AllocError),
    Build(BuildError),
    Open(OpenError),
    Heap(tagheap::Error),
    /// No memory for something of the library's own.
    NoMemory(&'static str),
    /// An align that is no power of two.
    Align(usize),
    /// An argument has no meaning; its name, what it is, what it may be.
    Invalid(&'static str, usize, &'static str),
    /// Text without a NUL within its bound.
    Unterminated(usize),
    /// An address at which no mapping begins.
    NotMapped(usize),
    /// There is no heap yet.
    NoTh,
    /// A checkpoint that leads nowhere; why.
    Checkpoint(&'static str),
    Panic(Cow<'static, str>),
}

impl Failure {
    /// Takes the words out of a panic without a copy, for which there may be no memory.
    pub(crate) fn of_panic(payload: Box<dyn Any + Send>) -> Self {
        let words = payload
            .downcast::<&'static str>()
            .map(|words| Cow::Borrowed(*words))
            .or_else(|payload| payload.downcast::<String>().map(|words| Cow::Owned(*words)));
        Self::Panic(words.unwrap_or_else(|payload| {
            // It may panic when it is dropped, and so may that one's: then it is leaked.
            if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(another);
            }
            Cow::Borrowed("a panic without words")
        }))
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Null(_) => Code::Null,
            Self::Handle(error) => error.code(),
            Self::Alloc(_) | Self::NoMemory(_) => Code::NoMemory,
            Self::Build(BuildError::Region(error)) => code_of_region(error),
            Self::Build(BuildError::Record(_)) => Code::NoMemory,
            Self::Build(_) | Self::Align(_) | Self::Invalid(..) | Self::Unterminated(_) => {
                Code::Invalid
            }
            Self::Open(_) | Self::NoTh => Code::Invalid,
            Self::NotMapped(_) => Code::Pointer,
            Self::Heap(error) => code_of_heap(error),
            Self::Checkpoint(_) => Code::Checkpoint,
            Self::Panic(_) => Code::Panic,
        }
    }

    pub(crate) fn errno(&self) -> c_int {
        match (self.code(), self) {
            (Code::NoMemory, _) => libc::ENOMEM,
            (Code::Busy, _) => libc::EBUSY,
            (_, Self::Build(BuildError::Region(error))) => {
                error.raw_os_error().unwrap_or(libc::EINVAL)
            }
            _ => libc::EINVAL,
        }
    }
}

fn code_of_region(error: &RegionError) -> Code {
    match error.cause {
        Cause::Os(libc::ENOMEM) | Cause::NoRoom { .. } | Cause::BadLength => Code::NoMemory,
        Cause::Os(_) => Code::System,
        _ => Code::Invalid,
    }
}

fn code_of_heap(error: &tagheap::Error) -> Code {
    use tagheap::Error;
    match error {
        Error::NoRoom { .. } | Error::NoHandle { .. } => Code::NoMemory,
        Error::Foreign | Error::Interior { .. } | Error::DoubleFree { .. } => Code::Pointer,
        Error::Smashed(_) | Error::Corrupt(_) => Code::Damaged,
        Error::Reentrant => Code::Busy,
        _ => Code::Invalid,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(argument) => write!(f, "{argument} is NULL"),
            Self::Handle(error) => error.fmt(f),
            Self::Alloc(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Heap(error) => error.fmt(f),
            Self::NoMemory(what) => write!(f, "no memory for {what}"),
            Self::Align(align) => write!(f, "align is {align}, which is no power of two"),
            Self::Invalid(name, value, allowed) => write!(f, "{name} is {value}: {allowed}"),
            Self::Unterminated(bound) => write!(f, "no NUL within {bound} bytes of text"),
            Self::NotMapped(address) => {
                write!(f, "no mapping of a lesson's arena begins at {address:#x}")
            }
            Self::NoTh => f.write_str("there is no heap: call TH_init first"),
            Self::Checkpoint(why) => f.write_str(why),
            Self::Panic(said) => write!(f, "a mistake inside the library: {said}"),
        }
    }
}

macro_rules! failure_from {
    ($($error:ty => $variant:ident),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

failure_from!(
    HandleError => Handle,
    AllocError => Alloc,
    BuildError => Build,
    OpenError => Open,
    tagheap::Error => Heap
);

impl From<RegionError> for Failure {
    fn from(error: RegionError) -> Self {
        Self::Build(BuildError::Region(error))
    }
}
