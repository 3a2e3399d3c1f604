//! Makes the C headers of heap-capi from its Rust source: `headers`, or `headers --check`.
//!
//! A crate of its own, so that `cargo xtask` builds without cbindgen and what it needs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use cbindgen::{Braces, Builder, Config, DocumentationStyle, Language, RenameRule, Style};

/// A header: what it is called, which files it is made of, what it begins and ends with.
struct Header {
    name: &'static str,
    sources: &'static [&'static str],
    about: &'static str,
    includes: &'static [&'static str],
    /// Types that no function of this header mentions.
    types: &'static [&'static str],
    /// Headers of the system, besides the two for sizes.
    system: &'static [&'static str],
    /// Verbatim, after the includes.
    preamble: Option<&'static str>,
    /// Verbatim, after what is made.
    rest: Option<&'static str>,
}

const HEADERS: &[Header] = &[
    Header {
        name: "oth.h",
        sources: &["failure.rs", "border.rs"],
        about: "What a call of Own the Heap comes to: a code, and a message that the caller frees.",
        includes: &[],
        types: &["Code", "Outcome"],
        system: &[],
        preamble: Some(MUST_USE),
        rest: None,
    },
    Header {
        name: "arena.h",
        sources: &["arena.rs"],
        about: "Arenas: blocks from one range of memory, given up all at once.",
        includes: &["oth.h"],
        types: &[],
        system: &[],
        preamble: None,
        rest: None,
    },
    Header {
        name: "heap.h",
        sources: &["heap.rs"],
        about: "Tagged heaps: two sides, lifetimes by tag, defragmentation that asks.",
        includes: &["oth.h"],
        types: &[],
        system: &[],
        preamble: None,
        rest: None,
    },
    Header {
        name: "tagheap.h",
        sources: &["th.rs"],
        about: "The tagged heap of the source, by its names: one heap, the TH_ functions.",
        includes: &["heap.h"],
        types: &[],
        system: &["stdbool.h", "stdio.h"],
        preamble: None,
        rest: Some(include_str!("../parts/tagheap.h")),
    },
    Header {
        name: "arena_lesson.h",
        sources: &["lesson.rs"],
        about: "The arena of the lesson, by its names.",
        includes: &["oth.h"],
        types: &[],
        system: &["stdio.h", "stdlib.h"],
        preamble: None,
        rest: Some(include_str!("../parts/arena_lesson.h")),
    },
];

const MUST_USE: &str = "
/* The compiler warns where the result of a call is ignored: its message would be lost. */
#if defined(__GNUC__)
#define OTH_MUST_USE __attribute__((warn_unused_result))
#else
#define OTH_MUST_USE
#endif";

/// The names of C for the types of Rust.
const NAMES: &[(&str, &str)] = &[
    ("ArenaHandle", "oth_arena"),
    ("ArenaStats", "oth_arena_stats_t"),
    ("Checkpoint", "oth_checkpoint"),
    ("Code", "oth_code"),
    ("HeapBlock", "oth_heap_block"),
    ("HeapFreed", "oth_heap_freed"),
    ("HeapHandle", "oth_heap"),
    ("HeapMoved", "oth_heap_moved"),
    ("HeapStats", "oth_heap_stats_t"),
    ("MayMove", "oth_may_move"),
    ("Outcome", "oth_result"),
    ("ThMove", "oth_th_move"),
    ("Visit", "oth_visit"),
];

fn main() -> ExitCode {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => each(write),
        ["--check"] => each(compare),
        _ => Err("usage: headers [--check]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("headers: {why}");
            ExitCode::FAILURE
        }
    }
}

fn each(deed: fn(&Path, &str) -> Result<(), String>) -> Result<(), String> {
    let capi = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/heap-capi");
    let results = HEADERS
        .iter()
        .map(|header| {
            let text = generate(header, &capi.join("src"))?;
            deed(&capi.join("include").join(header.name), &text)
        })
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    if results.is_empty() {
        Ok(())
    } else {
        Err(results.join("\n"))
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| at(path, error))
}

fn compare(path: &Path, text: &str) -> Result<(), String> {
    let there = fs::read_to_string(path).map_err(|error| at(path, error))?;
    if there == text {
        return Ok(());
    }
    let line = there.lines().zip(text.lines()).take_while(|(a, b)| a == b);
    let why = format!(
        "is stale from line {} on: run `cargo xtask headers`",
        line.count() + 1
    );
    Err(at(path, why))
}

fn at(path: &Path, why: impl fmt::Display) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("include/{}: {why}", PathBuf::from(name).display())
}

fn generate(header: &Header, source: &Path) -> Result<String, String> {
    let mut builder = Builder::new().with_config(config(header));
    for file in header.sources {
        builder = builder.with_src(source.join(file));
    }
    let bindings = builder
        .generate()
        .map_err(|error| format!("{}: {error}", header.name))?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    // What Rust calls a section of the docs.
    let text = text.replace(" * # Safety\n *\n", " * The caller sees to it:\n");
    // A result that is ignored is a message that is lost.
    let text = text.replace("\noth_result oth_", "\nOTH_MUST_USE\noth_result oth_");
    let Some(rest) = header.rest else {
        return Ok(text);
    };
    // A trailer of cbindgen's would lie behind the guard.
    let end = text.rfind("#endif").ok_or("a header without a guard")?;
    Ok(format!("{}{rest}\n{}", &text[..end], &text[end..]))
}

fn config(header: &Header) -> Config {
    let name = header.name;
    let guard = format!("OTH_{}", name.to_uppercase().replace('.', "_"));
    let system = ["stddef.h", "stdint.h"].iter().chain(header.system);
    let includes = header
        .includes
        .iter()
        .map(|include| (*include).to_owned())
        .collect();
    let mut config = Config {
        language: Language::C,
        cpp_compat: true,
        style: Style::Both,
        braces: Braces::SameLine,
        line_length: 100,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::Doxy,
        header: Some(format!(
            "/* {}\n *\n * Made from {} by `cargo xtask headers`: change it there. */",
            header.about,
            header.sources.join(" and ")
        )),
        include_guard: Some(guard),
        no_includes: true,
        sys_includes: system.map(|&name| name.to_owned()).collect(),
        includes,
        after_includes: header.preamble.map(str::to_owned),
        ..Config::default()
    };
    config.enumeration.rename_variants = RenameRule::QualifiedScreamingSnakeCase;
    config.export.include = header.types.iter().map(|&name| name.to_owned()).collect();
    config.export.rename = NAMES
        .iter()
        .map(|&(rust, c)| (rust.to_owned(), c.to_owned()))
        .collect();
    config
}
