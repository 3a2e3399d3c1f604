//! Looks at a program before it is run: can the interposer work in it at all?

use crate::error::Error;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _, elf};
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

type Header = elf::FileHeader64<Endianness>;

/// Finds a program as a shell would, and checks it.
///
/// # Errors
///
/// The first of [`Error`]'s reasons that holds.
pub(crate) fn find(program: &OsStr) -> Result<PathBuf, Error> {
    let path = search(program).ok_or_else(|| Error::NotFound(program.into()))?;
    check(&path, 4)?;
    Ok(path)
}

fn search(program: &OsStr) -> Option<PathBuf> {
    let given = Path::new(program);
    if program.as_bytes().contains(&b'/') {
        return is_executable(given).then(|| given.to_owned());
    }
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(given))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Checks a program, or the one that runs it if it is a script.
fn check(path: &Path, depth: u32) -> Result<(), Error> {
    let mode = fs::metadata(path)
        .map_err(Error::io("stat"))?
        .permissions()
        .mode();
    if mode & 0o6000 != 0 {
        return Err(Error::SetId(path.to_owned()));
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io("opening the program"))?;
    file.take(256)
        .read_to_end(&mut start)
        .map_err(Error::io("reading the program"))?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let runner = PathBuf::from(OsStr::from_bytes(words.next().unwrap_or(b"/bin/sh")));
        if depth == 0 || !is_executable(&runner) {
            return Err(Error::NotFound(runner));
        }
        return check(&runner, depth - 1);
    }
    let bytes = fs::read(path).map_err(Error::io("reading the program"))?;
    check_elf(path, &bytes)
}

fn check_elf(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let not_elf = |_| Error::NotElf(path.to_owned());
    let header = Header::parse(bytes).map_err(not_elf)?;
    let endian = header.endian().map_err(not_elf)?;
    if header.e_machine(endian) != elf::EM_X86_64 {
        return Err(Error::NotElf(path.to_owned()));
    }
    let segments = header.program_headers(endian, bytes).map_err(not_elf)?;
    if !segments
        .iter()
        .any(|segment| segment.p_type(endian) == elf::PT_INTERP)
    {
        return Err(Error::Static(path.to_owned()));
    }
    for segment in segments {
        let Ok(Some(rows)) = segment.dynamic(endian, bytes) else {
            continue;
        };
        let needed = rows
            .iter()
            .filter(|row| row.d_tag(endian) == elf::DT_NEEDED)
            .count();
        if needed == 0 {
            return Err(Error::Static(path.to_owned()));
        }
    }
    let file = object::File::parse(bytes).map_err(not_elf)?;
    for symbol in file.dynamic_symbols() {
        // A weak reference only asks whether it is there.
        if symbol.is_weak() && symbol.is_undefined() {
            continue;
        }
        match symbol.name_bytes() {
            Ok(name) if is_sanitizer(name) => return Err(Error::Sanitized(path.to_owned())),
            Ok(b"malloc") if symbol.is_definition() => {
                return Err(Error::OwnMalloc(path.to_owned()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a runtime of a sanitizer leaves among the dynamic symbols, linked in or needed.
fn is_sanitizer(name: &[u8]) -> bool {
    [
        &b"__asan_init"[..],
        b"__tsan_init",
        b"__msan_init",
        b"__lsan_init",
        b"__hwasan_init",
    ]
    .contains(&name)
}
