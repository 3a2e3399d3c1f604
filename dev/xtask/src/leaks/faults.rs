//! The planted faults: programs with one fault each, and what each tool has to say of it.

use super::clients::{self, Compiler};
use super::process::Said;
use super::report::{Kind, Row, Verdict};
use super::tool::{Class, Tool};
use super::{Session, pool, workspace};
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
pub(crate) fn run_all(session: &Session<'_>) -> Outcome<Vec<Row>> {
    let tool = session.tool;
    let mut rows = in_c(session)?;
    rows.extend(in_rust(session)?);
    let unseen = FAULTS
        .iter()
        .filter(|fault| !tool.claims.contains(&fault.class));
    let names = unseen.map(|fault| fault.name).collect::<Vec<_>>();
    if session.only.is_none() && !names.is_empty() {
        let what = format!("planted, {} others", names.len());
        let why = format!("it claims nothing of {}", names.join(", "));
        rows.push(session.show(Row::not_run(tool.name, what, &why)));
    }
    Ok(rows)
}

fn in_c(session: &Session<'_>) -> Outcome<Vec<Row>> {
    let tool = session.tool;
    let mut rows = Vec::new();
    let mut pieces = Vec::new();
    let sources = clients::sources("planted")?;
    for compiler in tool.faults_by.iter().copied().map(Compiler::of) {
        if let Err(why) = compiler.works(tool.c_flags) {
            let what = format!("planted, by {}", compiler.program);
            rows.push(session.show(Row::missing(tool.name, what, why)));
            continue;
        }
        for source in &sources {
            let name = clients::name(source);
            let fault = find(&name, File::C)?;
            let what = format!("planted {name} by {}", compiler.program);
            let is_claimed = fault.is_none_or(|fault| tool.claims.contains(&fault.class));
            if is_claimed && what.contains(session.only.unwrap_or_default()) {
                pieces.push((compiler, source, fault, what));
            }
        }
    }
    if !pieces.is_empty() {
        clients::build_library()?;
    }
    rows.extend(pool::map(
        session.jobs,
        &pieces,
        |(compiler, source, fault, what)| {
            let program = clients::under(tool, &compiler.build(tool, source)?);
            let said = session.during(what, || session.report.run(program))?;
            Ok(session.show(judged(tool, what.clone(), *fault, &said)))
        },
    )?);
    Ok(rows)
}

fn in_rust(session: &Session<'_>) -> Outcome<Vec<Row>> {
    let tool = session.tool;
    if !tool.judges_rust() {
        return Ok(Vec::new());
    }
    let faults = FAULTS.iter().filter(|fault| fault.file == File::Rust);
    let claimed = faults.filter(|fault| tool.claims.contains(&fault.class));
    let named = claimed.map(Some).chain([None]).map(|fault| {
        let name = fault.map_or(CLEAN, |fault| fault.name);
        (fault, name, format!("planted {name} in Rust"))
    });
    let is_chosen = |what: &str| what.contains(session.only.unwrap_or_default());
    let chosen = named
        .filter(|(.., what)| is_chosen(what))
        .collect::<Vec<_>>();
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let building = || workspace::example(tool, "arena-core", "planted_heap");
    let program = session.during("building planted_heap", building)?;
    pool::map(session.jobs, &chosen, |(fault, name, what)| {
        let mut program = clients::under(tool, &program);
        program.arg(name);
        let said = session.during(what, || session.report.run(program))?;
        Ok(session.show(judged(tool, what.clone(), *fault, &said)))
    })
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
        kind: Kind::Planted,
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
