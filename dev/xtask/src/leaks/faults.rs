//! The planted faults: programs with one fault each, and what each tool has to say of it.

use super::clients;
use super::report::{Report, Row, Said, Verdict};
use super::tool::{Class, Tool};
use crate::run::Outcome;

/// A planted fault; its program has its name.
struct Fault {
    name: &'static str,
    class: Class,
    /// What valgrind's tools say.
    valgrind: &'static str,
    /// What the sanitizers say.
    sanitizer: &'static str,
}

const fn fault(
    name: &'static str,
    class: Class,
    valgrind: &'static str,
    sanitizer: &'static str,
) -> Fault {
    Fault {
        name,
        class,
        valgrind,
        sanitizer,
    }
}

const FAULTS: &[Fault] = &[
    fault(
        "lost_result_message",
        Class::Leak,
        "definitely lost",
        "Direct leak of",
    ),
    fault(
        "handle_never_destroyed",
        Class::Leak,
        "definitely lost",
        "Direct leak of",
    ),
    fault(
        "lost_child",
        Class::Leak,
        "indirect) bytes",
        "Indirect leak of",
    ),
    fault(
        "use_after_free_message",
        Class::Access,
        "Invalid read of size 1",
        "heap-use-after-free",
    ),
    fault(
        "overflow_message_1_byte",
        Class::Access,
        "Invalid write of size 1",
        "heap-buffer-overflow",
    ),
    fault(
        "overflow_block_1_byte",
        Class::Access,
        "Invalid write of size 1",
        "use-after-poison",
    ),
    fault(
        "use_after_reset_block",
        Class::Access,
        "Invalid write of size 1",
        "use-after-poison",
    ),
    fault(
        "double_free_message",
        Class::Free,
        "Invalid free()",
        "attempting double-free",
    ),
    fault(
        "invalid_free_interior",
        Class::Free,
        "Invalid free()",
        "which was not malloc()-ed",
    ),
    fault(
        "invalid_free_block",
        Class::Free,
        "Invalid free()",
        "which was not malloc()-ed",
    ),
    fault(
        "race_on_block",
        Class::Race,
        "Possible data race",
        "data race",
    ),
    fault(
        "branch_on_fresh_bytes",
        Class::Uninitialised,
        "depends on uninitialised value",
        "use-of-uninitialized-value",
    ),
];

/// The program without a fault.
const CLEAN: &str = "clean";

pub(crate) fn run_all(tool: &Tool, only: Option<&str>, report: &mut Report) -> Outcome<Vec<Row>> {
    let Some(flags) = tool.c_flags else {
        return Ok(Vec::new());
    };
    clients::build_library()?;
    let mut rows = Vec::new();
    for source in clients::sources("planted")? {
        let name = clients::name(&source);
        let what = format!("planted {name}");
        if !what.contains(only.unwrap_or_default()) {
            continue;
        }
        let fault = FAULTS.iter().find(|fault| fault.name == name);
        if fault.is_none() && name != CLEAN {
            return Err(format!(
                "planted/{name}.c is in no table: say what tools must say of it"
            ));
        }
        if fault.is_some_and(|fault| !tool.claims.contains(&fault.class)) {
            continue;
        }
        let program = clients::build(tool, flags, &source)?;
        let said = report.run(clients::under(tool, &program))?;
        rows.push(Row {
            tool: tool.name,
            what,
            verdict: verdict(tool, fault, &said),
            seconds: said.seconds,
        });
        print!("{}", super::report::table(&rows[rows.len() - 1..]));
    }
    Ok(rows)
}

fn verdict(tool: &Tool, fault: Option<&Fault>, said: &Said) -> Verdict {
    let Some(fault) = fault else {
        return said.verdict(tool.telling, "nothing to report".to_owned());
    };
    let words = if tool.under.is_empty() {
        fault.sanitizer
    } else {
        fault.valgrind
    };
    let at_its_line = said.text.contains(&format!("{}.c:", fault.name));
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
