//! The planted faults: programs with one fault each, and what each tool has to say of it.

use super::clients::{self, Compiler};
use super::report::{Report, Row, Said, Verdict};
use super::tests;
use super::tool::{Class, Rust, Tool};
use crate::run::Outcome;

/// A planted fault; its program has its name.
struct Fault {
    name: &'static str,
    /// The file in which tools have to find it.
    file: File,
    class: Class,
    /// What valgrind's tools say.
    valgrind: &'static str,
    /// What the sanitizers say.
    sanitizer: &'static str,
}

/// Where a fault is planted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    /// A program of its own in C.
    C,
    /// The example in Rust that has them all: what sanitizers of Rust see, with or without an
    /// instrumented standard library.
    Rust,
}

const fn fault(
    name: &'static str,
    file: File,
    class: Class,
    valgrind: &'static str,
    sanitizer: &'static str,
) -> Fault {
    Fault {
        name,
        file,
        class,
        valgrind,
        sanitizer,
    }
}

const FAULTS: &[Fault] = &[
    fault(
        "lost_result_message",
        File::C,
        Class::Leak,
        "definitely lost",
        "Direct leak of",
    ),
    fault(
        "handle_never_destroyed",
        File::C,
        Class::Leak,
        "definitely lost",
        "Direct leak of",
    ),
    fault(
        "lost_child",
        File::C,
        Class::Leak,
        "indirect) bytes",
        "Indirect leak of",
    ),
    fault(
        "use_after_free_message",
        File::C,
        Class::Access,
        "Invalid read of size 1",
        "heap-use-after-free",
    ),
    fault(
        "overflow_message_1_byte",
        File::C,
        Class::Access,
        "Invalid write of size 1",
        "heap-buffer-overflow",
    ),
    fault(
        "overflow_block_1_byte",
        File::C,
        Class::Access,
        "Invalid write of size 1",
        "use-after-poison",
    ),
    fault(
        "use_after_reset_block",
        File::C,
        Class::Access,
        "Invalid write of size 1",
        "use-after-poison",
    ),
    fault(
        "double_free_message",
        File::C,
        Class::Free,
        "Invalid free()",
        "attempting double-free",
    ),
    fault(
        "invalid_free_interior",
        File::C,
        Class::Free,
        "Invalid free()",
        "which was not malloc()-ed",
    ),
    fault(
        "invalid_free_block",
        File::C,
        Class::Free,
        "Invalid free()",
        "which was not malloc()-ed",
    ),
    fault(
        "race_on_block",
        File::C,
        Class::Race,
        "Possible data race",
        "data race",
    ),
    fault(
        "branch_on_fresh_bytes",
        File::C,
        Class::Uninitialised,
        "depends on uninitialised value",
        "use-of-uninitialized-value",
    ),
    fault(
        "lost_box",
        File::Rust,
        Class::Leak,
        "definitely lost",
        "Direct leak of",
    ),
    fault(
        "use_after_free_box",
        File::Rust,
        Class::Access,
        "Invalid read of size 1",
        "heap-use-after-free",
    ),
    fault(
        "race_on_arena_bytes",
        File::Rust,
        Class::Race,
        "Possible data race",
        "data race",
    ),
    fault(
        "branch_on_fresh_byte",
        File::Rust,
        Class::Uninitialised,
        "depends on uninitialised value",
        "use-of-uninitialized-value",
    ),
];

/// The program without a fault, in either language.
const CLEAN: &str = "clean";

/// Run the planted faults that a tool claims to see.
pub(crate) fn run_all(tool: &Tool, only: Option<&str>, report: &mut Report) -> Outcome<Vec<Row>> {
    let is_chosen = |what: &str| what.contains(only.unwrap_or_default());
    let mut rows = in_c(tool, is_chosen, report)?;
    rows.extend(in_rust(tool, is_chosen, report)?);
    let seen = |fault: &&Fault| tool.claims.contains(&fault.class);
    let unseen = FAULTS.iter().filter(|fault| !seen(fault));
    let names = unseen.map(|fault| fault.name).collect::<Vec<_>>();
    if only.is_none() && !names.is_empty() {
        let what = format!("planted, {} others", names.len());
        let why = format!("it claims nothing of {}", names.join(", "));
        rows.push(Row::not_run(tool.name, what, &why).show());
    }
    Ok(rows)
}

fn in_c(tool: &Tool, is_chosen: impl Fn(&str) -> bool, report: &mut Report) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    let sources = clients::sources("planted")?;
    for compiler in tool.faults_by.iter().copied().map(Compiler::of) {
        if let Err(why) = compiler.works(tool.c_flags) {
            let what = format!("planted, by {}", compiler.program);
            rows.push(Row::bare(tool.name, what, Verdict::Missing(why)).show());
            continue;
        }
        for source in &sources {
            let name = clients::name(source);
            let fault = find(&name, File::C)?;
            let what = format!("planted {name} by {}", compiler.program);
            if is_chosen(&what) && fault.is_none_or(|fault| tool.claims.contains(&fault.class)) {
                clients::build_library()?;
                let program = compiler.build(tool, source)?;
                let said = report.run(clients::under(tool, &program))?;
                rows.push(judged(tool, what, fault, &said).show());
            }
        }
    }
    Ok(rows)
}

fn in_rust(
    tool: &Tool,
    is_chosen: impl Fn(&str) -> bool,
    report: &mut Report,
) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    if matches!(tool.rust, Rust::No(_)) {
        return Ok(rows);
    }
    let faults = FAULTS.iter().filter(|fault| fault.file == File::Rust);
    let claimed = faults.filter(|fault| tool.claims.contains(&fault.class));
    for fault in claimed.map(Some).chain([None]) {
        let name = fault.map_or(CLEAN, |fault| fault.name);
        let what = format!("planted {name} in Rust");
        if is_chosen(&what) {
            let program = tests::example(tool, "arena-core", "planted_heap")?;
            let mut program = clients::under(tool, &program);
            program.arg(name);
            rows.push(judged(tool, what, fault, &report.run(program)?).show());
        }
    }
    Ok(rows)
}

/// The fault of a program; none for the one that has none.
fn find(name: &str, file: File) -> Outcome<Option<&'static Fault>> {
    let mut faults = FAULTS.iter().filter(|fault| fault.file == file);
    let found = faults.find(|fault| fault.name == name);
    if found.is_none() && name != CLEAN {
        return Err(format!(
            "planted/{name}.c is in no table: say what tools must say of it"
        ));
    }
    Ok(found)
}

fn judged(tool: &Tool, what: String, fault: Option<&Fault>, said: &Said) -> Row {
    Row {
        tool: tool.name,
        what,
        verdict: match fault {
            Some(fault) => fault.verdict(tool, said),
            None => said.verdict(tool.telling, "nothing to report".to_owned()),
        },
        seconds: said.seconds,
    }
}

impl Fault {
    /// Good if the tool said what it has to, named the file, and failed the program.
    fn verdict(&self, tool: &Tool, said: &Said) -> Verdict {
        let words = if tool.under.is_empty() {
            self.sanitizer
        } else {
            self.valgrind
        };
        let at_its_line = match self.file {
            File::C => said.text.contains(&format!("{}.c:", self.name)),
            File::Rust => said.text.contains("planted_heap.rs:"),
        };
        let line = said.text.lines().find(|line| line.contains(words));
        match line {
            Some(line) if !said.success && at_its_line => {
                Verdict::Good(format!("reported: {}", line.trim()))
            }
            Some(_) if !at_its_line => Verdict::Bad("reported, but not at its line".to_owned()),
            Some(_) => Verdict::Bad("reported, but the program succeeded".to_owned()),
            None => Verdict::Bad(format!("not reported ({}): {words:?}", said.status)),
        }
    }
}
