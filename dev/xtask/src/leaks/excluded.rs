//! What does not run under a tool, with the reason that the report prints.

use super::Mode;

/// A test binary, or tests in it.
pub(crate) enum What {
    /// All of a package's tests.
    Package,
    /// The argument that chooses it.
    Target(&'static str),
    /// Tests whose names contain this.
    Tests(&'static str),
}

/// Something that is left out.
pub(crate) struct Excluded {
    pub(crate) package: &'static str,
    pub(crate) what: What,
    pub(crate) under: &'static [Mode],
    pub(crate) reason: &'static str,
}

use Mode::{Asan, Lsan, Msan, Tsan, Valgrind};
use What::{Package, Target, Tests};

const ANY: &[Mode] = &[Valgrind, Asan, Lsan, Tsan, Msan];
const LEAK_CHECKERS: &[Mode] = &[Valgrind, Asan, Lsan];
const SANITIZERS: &[Mode] = &[Asan, Lsan, Tsan, Msan];
/// Those that map a shadow of the address space.
const SHADOWED: &[Mode] = &[Asan, Tsan, Msan];
/// Those that build every program anew.
const REBUILDING: &[Mode] = &[Asan, Lsan];

/// Those that build the standard library, too.
const INSTRUMENTED: &[Mode] = &[Tsan, Msan];

const fn excluded(
    package: &'static str,
    what: What,
    under: &'static [Mode],
    reason: &'static str,
) -> Excluded {
    Excluded {
        package,
        what,
        under,
        reason,
    }
}

const LEAKS: &str = "it leaks, for that is what it is about, or its subject lives forever";
const OWN_MALLOC: &str = "a malloc of its own under one of its own: the interposer refuses";
const LINKS: &str = "it builds programs in C by itself, and those cannot link a library that is built for a sanitizer; \
     built for the tool, the programs have rows of their own";
const SHARED: &str = "it needs heap-capi, of which cargo makes a shared library, too, and this sanitizer's runtime cannot \
     be linked into one; what is planted on the border runs all the same";
const COMPILES: &str = "it starts compilers, and nothing of ours runs";
const FORKED: &str =
    "a forked child has lost the stacks of the other threads: valgrind calls what they held lost";
const KERNEL: &str = "it asks the kernel what the tool answers in its place";
const SHADOW: &str = "it counts the pages and limits the address space of its own process, of which a sanitizer has more";
const SHADOW_BILLED: &str =
    "fork-probe refuses to bill a process with terabytes of mappings, as a sanitizer's shadow is";
const BILLED: &str = "it tells the pages of malloc by their mappings, and this tool's malloc has several of one name";
const SLOW: &str = "a hundred thousand events, in safe code: it takes minutes";
const TIME: &str = "it measures time";
const PROCESSES: &str =
    "its demos show malloc, faults, forks and limits of the system: a sanitizer brings its own";
const ADDRESS_SPACE: &str =
    "it limits the address space, of which a sanitizer's shadow takes terabytes";
const TRACER: &str =
    "a tracer of malloc under another: it loses blocks and faults on purpose, and tells of it";

const BROWSER: &str =
    "a browser runs what it writes, and no tool looks at a browser; the other tests write the same";
const CHILDREN: &str = "it reads what programs say that it starts, and valgrind looks at no child";
const ALIGNED: &str = "valgrind's malloc ends the program where it is asked for more alignment than there are addresses";

const HOLE: &str = "a child has a hole where its parent has an arena, and the sanitizer maps memory of its own there";

pub(crate) const EXCLUDED: &[Excluded] = &[
    excluded(
        "arena-core",
        Tests("an_arena_in_a_static_or_leaked_buffer_lives_forever"),
        LEAK_CHECKERS,
        LEAKS,
    ),
    excluded(
        "arena-core",
        Tests("a_second_view_shows_the_same_bytes_at_another_address"),
        &[Valgrind],
        KERNEL,
    ),
    excluded(
        "arena-core",
        Tests("more_than_the_address_space_is_refused_by_the_kernel"),
        &[Valgrind],
        KERNEL,
    ),
    excluded(
        "bench",
        Tests("peers::tests::every_peer_does_what_its_list_says"),
        LEAK_CHECKERS,
        LEAKS,
    ),
    excluded("corpus", Target("--test table"), &[Lsan], TRACER),
    excluded(
        "demos",
        Tests("demo_09c::tests::a_child_that_ends_badly_is_trouble_and_reaped"),
        &[Valgrind],
        FORKED,
    ),
    excluded("demos", Target("--test bad_input"), REBUILDING, PROCESSES),
    excluded("demos", Target("--test launcher"), REBUILDING, PROCESSES),
    excluded("demos", Target("--test pictures"), REBUILDING, PROCESSES),
    excluded("demos", Target("--test terminal"), REBUILDING, PROCESSES),
    excluded("demos", Target("--test transcripts"), REBUILDING, PROCESSES),
    excluded("demos", Package, INSTRUMENTED, SHARED),
    excluded(
        "errno-check",
        Tests("two_functions_of_twelve_instructions_take_less_than_a_second"),
        ANY,
        TIME,
    ),
    excluded(
        "fork-probe",
        Tests("a_child_does_what_it_is_told_and_ends_when_the_parent_hangs_up"),
        &[Valgrind],
        FORKED,
    ),
    excluded(
        "fork-probe",
        Tests("a_child_that_panics_does_not_return_into_the_caller"),
        &[Valgrind],
        FORKED,
    ),
    excluded(
        "fork-probe",
        Tests("an_interrupt_is_left_to_the_parent"),
        &[Valgrind],
        FORKED,
    ),
    excluded("fork-probe", Target("--test own"), &[Valgrind], KERNEL),
    excluded("fork-probe", Target("--test own"), SANITIZERS, SHADOW),
    excluded(
        "fork-probe",
        Tests("every_report_is_text_json_and_a_picture"),
        SHADOWED,
        SHADOW_BILLED,
    ),
    excluded(
        "fork-probe",
        Tests("the_bill_is_the_same_twice_and_each_page_is_accounted_for_by_two_sources"),
        SHADOWED,
        SHADOW_BILLED,
    ),
    excluded(
        "fork-probe",
        Tests("the_bill_is_the_same_twice_and_each_page_is_accounted_for_by_two_sources"),
        &[Lsan],
        BILLED,
    ),
    excluded(
        "heap-capi",
        Tests("programs::programs_with_the_"),
        REBUILDING,
        LINKS,
    ),
    excluded("heap-capi", Target("--test starved"), REBUILDING, LINKS),
    excluded("heap-capi", Package, INSTRUMENTED, SHARED),
    excluded("heap-trace", Target("--test check"), SANITIZERS, TRACER),
    excluded(
        "heap-trace",
        Target("--test hard_cases"),
        SANITIZERS,
        TRACER,
    ),
    excluded(
        "heap-trace",
        Target("--test hard_cases"),
        &[Valgrind],
        CHILDREN,
    ),
    excluded("heap-trace", Target("--test recording"), SANITIZERS, TRACER),
    excluded(
        "heap-trace",
        Target("--test recording"),
        &[Valgrind],
        CHILDREN,
    ),
    excluded(
        "heap-trace",
        Tests("heap::tests::alignments_that_no_address_space_has_are_refused"),
        &[Valgrind],
        ALIGNED,
    ),
    excluded(
        "heap-trace",
        Tests("guard::tests::a_child_does_not_wait_for_threads_that_it_has_not"),
        &[Valgrind],
        FORKED,
    ),
    excluded(
        "heap-trace",
        Tests("heap::tests::a_freed_guarded_block_is_inaccessible"),
        ANY,
        KERNEL,
    ),
    excluded(
        "heap-trace",
        Tests("heap::tests::guards_begin_on_the_page_behind"),
        ANY,
        KERNEL,
    ),
    excluded(
        "heap-trace",
        Tests("heap::tests::stacks_name_the_functions_on_the_way"),
        SANITIZERS,
        TRACER,
    ),
    excluded("heap-view", Target("--test large"), &[Valgrind], SLOW),
    excluded("heap-view", Target("--test player"), ANY, BROWSER),
    excluded("tests", Target("--test compile"), ANY, COMPILES),
    excluded("tests", Target("--test errno"), ANY, OWN_MALLOC),
    excluded("tests", Tests("guest::"), SANITIZERS, ADDRESS_SPACE),
    excluded(
        "tests",
        Tests("forks::absent_kills_a_child_that_touches_it"),
        &[Tsan],
        HOLE,
    ),
];
