//! The conformance suite: one property after the other, on fresh subjects.
//!
//! [`conformance!`](crate::conformance!) makes one test of each; [`run`] checks them all
//! in a row; [`Property::check`] gives the outcome as a value.

use std::fmt;

use crate::drive::Broken;
use crate::program::Program;
use crate::subject::Subject;

mod blocks;
mod random;
mod recovery;
mod refusal;
mod zeroing;

/// Calls the macro `$then` with its arguments and the list of all properties.
///
/// The list is written here once; the enum, the dispatch and the tests are made from it.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_property {
    ($then:path $(, $($args:tt)*)?) => {
        $then! {
            [$($($args)*)?]
            /// Blocks of all sizes and aligns that live together do not overlap, are
            /// aligned, and lie in the declared ranges.
            BlocksLieApart => blocks::blocks_lie_apart_aligned_and_in_range;
            /// Each align is honoured also right behind a block of one byte.
            AlignIsHonoured => blocks::align_is_honoured_behind_a_single_byte;
            /// The bytes of a block stay what its owner wrote while others come and go.
            ContentsSurvive => blocks::contents_survive_until_the_block_is_freed;
            /// Growing keeps every byte of the block and of its neighbours.
            GrowKeepsContents => blocks::grow_keeps_every_byte_of_the_block;
            /// Shrinking keeps the bytes that remain and those of the neighbours.
            ShrinkKeepsContents => blocks::shrink_keeps_the_bytes_that_remain;
            /// Defragmentation moves blocks together with their bytes.
            DefragKeepsContents => blocks::defrag_moves_blocks_with_their_bytes;
            /// Zeroed blocks are zero also in recycled memory.
            ZeroedIsZero => zeroing::zeroed_blocks_are_zero_in_recycled_memory;
            /// The tail of a block grown zeroed is zero also in recycled memory.
            GrowZeroedIsZero => zeroing::grow_zeroed_clears_the_tail_in_recycled_memory;
            /// Zero-size requests get what is promised, and can be grown and freed.
            ZeroSizeIsServed => zeroing::zero_size_requests_get_what_is_promised;
            /// Requests near `isize::MAX` are refused, and that costs nothing.
            ImpossibleIsRefused => refusal::impossible_requests_are_refused_at_no_cost;
            /// A subject that is full refuses, and every block stays as it was.
            ExhaustionIsClean => refusal::exhaustion_leaves_every_block_as_it_was;
            /// When all is freed, the largest block can be had again.
            FreeRecovers => recovery::freeing_everything_recovers_the_largest_block;
            /// After a reset, the largest block can be had again.
            ResetRecovers => recovery::reset_recovers_the_largest_block;
            /// After a rewind to the start, the largest block can be had again.
            RewindRecovers => recovery::rewind_recovers_the_largest_block;
            /// A rewind ends the blocks of its scope and no other.
            RewindEndsItsScope => recovery::rewind_ends_the_blocks_of_its_scope_only;
            /// Each fill-and-drain cycle is served as much as the first, to the byte.
            CyclesServeTheSame => recovery::fill_and_drain_cycles_are_served_the_same;
            /// Random programs of all operations break no rule.
            RandomProgramsHold => random::random_programs_break_no_rule;
        }
    };
}

macro_rules! define_properties {
    ([] $($(#[$doc:meta])+ $name:ident => $module:ident::$function:ident;)+) => {
        /// What a conforming allocator holds to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Property {
            $($(#[$doc])+ $name,)+
        }

        impl Property {
            /// Every property, in the order in which they build on each other.
            pub const ALL: &[Property] = &[$(Property::$name),+];

            /// Returns the property as a sentence: the name of its test.
            pub fn name(self) -> &'static str {
                match self {
                    $(Property::$name => stringify!($function),)+
                }
            }

            fn dispatch<S: Subject>(self, make: &dyn Fn() -> S) -> Result<Outcome, Failure> {
                let outcome = match self {
                    $(Property::$name => $module::$function(make),)+
                };
                outcome.map_err(|found| found.into_failure(self))
            }
        }
    };
}

__for_each_property!(define_properties);

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_module {
    (
        [$module:ident, $make:expr]
        $($(#[$doc:meta])+ $name:ident => $file:ident::$function:ident;)+
    ) => {
        mod $module {
            #[allow(unused_imports, reason = "the expression may need nothing from outside")]
            use super::*;

            $(
                $(#[$doc])+
                #[test]
                fn $function() {
                    $crate::conformance::Property::$name.hold($make);
                }
            )+
        }
    };
}

/// Makes a module of tests, one for each property, for the subjects that an expression
/// creates.
///
/// ```
/// use tests::adapters::ViaGlobalAlloc;
/// use tests::subject::Promises;
///
/// tests::conformance!(system, || ViaGlobalAlloc::new(std::alloc::System, Promises::malloc()));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($module:ident, $make:expr $(,)?) => {
        $crate::__for_each_property!($crate::__conformance_module, $module, $make);
    };
}

/// How a property turned out when no rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was checked.
    Held,
    /// It was not, because the subject does not promise this.
    NotPromised(&'static str),
}

/// A property that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which one.
    pub property: Property,
    /// What was found, and after which operation.
    pub broken: Broken,
    /// The smallest program found that shows it, if it took a random one.
    pub program: Option<Program>,
}

impl Property {
    /// Checks this property on subjects that `make` creates, each of them fresh.
    ///
    /// # Errors
    ///
    /// The first rule that a subject breaks.
    pub fn check<S: Subject>(self, make: impl Fn() -> S) -> Result<Outcome, Failure> {
        self.dispatch(&make)
    }

    /// Checks this property, and prints a line if it is not promised.
    ///
    /// # Panics
    ///
    /// If the property is broken, with what was found.
    pub fn hold<S: Subject>(self, make: impl Fn() -> S) {
        match self.check(make) {
            Ok(Outcome::Held) => {}
            Ok(Outcome::NotPromised(what)) => println!("{}: not promised: {what}", self.name()),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Checks all properties on subjects that `make` creates.
///
/// # Errors
///
/// The first property that is broken.
pub fn run<S: Subject>(make: impl Fn() -> S) -> Result<(), Failure> {
    Property::ALL
        .iter()
        .try_for_each(|property| property.check(&make).map(drop))
}

/// What a property function returns when a rule is broken.
struct Found {
    broken: Broken,
    program: Option<Program>,
}

impl Found {
    fn into_failure(self, property: Property) -> Failure {
        let Found { broken, program } = self;
        Failure {
            property,
            broken,
            program,
        }
    }
}

impl From<Broken> for Found {
    fn from(broken: Broken) -> Self {
        Found {
            broken,
            program: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property.name(), self.broken)?;
        match &self.program {
            Some(program) => write!(f, "\nsmallest program found:\n{program}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
