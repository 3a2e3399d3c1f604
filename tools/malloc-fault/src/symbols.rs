//! Names and lines for frames, as far as the modules on disk have them.

use crate::interposer;
use crate::trace::{Frame, StackSeen};
use addr2line::Loader;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A frame with a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Named {
    /// The module's file name.
    pub module: String,
    /// The function, or `+0x…`, its start in the module, where there is no name.
    pub function: String,
    /// File name and line, where there is debug information.
    pub line: Option<(String, u32)>,
}

impl fmt::Display for Named {
    /// `function:line` with debug information, `function` else: what survives a rebuild.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.function.starts_with('+') {
            f.write_str(&self.module)?;
        }
        f.write_str(&self.function)?;
        match &self.line {
            Some((_, line)) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

/// The modules of a trace, opened as they are needed.
pub struct Symbols {
    modules: Vec<PathBuf>,
    loaders: HashMap<PathBuf, Option<Loader>>,
    known: HashMap<PathBuf, HashMap<u64, Vec<Named>>>,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols")
            .field("modules", &self.modules)
            .finish_non_exhaustive()
    }
}

impl Symbols {
    /// Names for frames in these modules.
    #[must_use]
    pub fn new(modules: Vec<PathBuf>) -> Self {
        Self {
            modules,
            loaders: HashMap::new(),
            known: HashMap::new(),
        }
    }

    /// Names for frames of another run, whose modules may be in another order.
    pub(crate) fn set_modules(&mut self, modules: Vec<PathBuf>) {
        self.modules = modules;
    }

    /// The names of a stack, the innermost frame first; inlined functions are frames too.
    pub fn stack(&mut self, stack: &StackSeen) -> Vec<Named> {
        stack
            .frames
            .iter()
            .flat_map(|frame| self.frame(frame))
            .collect()
    }

    /// The names of a stack that a fault was on. The interposer stands in for libc's `strdup` and is not to blame for what it is
    /// given, so its own frames are left out, and who called it is taken for libc.
    pub(crate) fn crash(&mut self, stack: &StackSeen) -> Vec<Named> {
        let is_own = |frame: &Frame| {
            let path = self.modules.get(frame.module as usize);
            path.is_some_and(|path| interposer::is_its_path(path))
        };
        let own = stack
            .frames
            .iter()
            .take_while(|frame| is_own(frame))
            .count();
        let mut named: Vec<_> = stack.frames[own..]
            .iter()
            .flat_map(|frame| self.frame(frame))
            .collect();
        if own > 0
            && let Some(first) = named.first_mut()
        {
            "libc.so.6".clone_into(&mut first.module);
        }
        named
    }

    /// The names of a frame: one, and those that are inlined there before it.
    pub fn frame(&mut self, frame: &Frame) -> Vec<Named> {
        let Some(path) = self.modules.get(frame.module as usize) else {
            return vec![Named {
                module: "?".to_owned(),
                function: format!("+{:#x}", frame.offset),
                line: None,
            }];
        };
        if let Some(known) = self
            .known
            .get(path)
            .and_then(|known| known.get(&frame.offset))
        {
            return known.clone();
        }
        let path = path.clone();
        let named = self.look_up(&path, frame);
        let known = self.known.entry(path).or_default();
        known.insert(frame.offset, named.clone());
        named
    }

    fn look_up(&mut self, path: &Path, frame: &Frame) -> Vec<Named> {
        let file = path.file_name().unwrap_or(path.as_os_str());
        let module = file.to_string_lossy().into_owned();
        let loader = self.loaders.entry(path.to_owned());
        let loader = loader.or_insert_with(|| Loader::new(path).ok());
        // The call lies right before the place to which it returns.
        let start = frame.offset.saturating_sub(u64::from(frame.into));
        let place = if frame.into == 0 {
            frame.offset
        } else {
            frame.offset - 1
        };
        let described = loader
            .as_ref()
            .map(|loader| described(loader, place, &module));
        if let Some(named) = described.filter(|named| !named.is_empty()) {
            return named;
        }
        let symbol = loader
            .as_ref()
            .and_then(|loader| symbol(loader, place, start));
        vec![Named {
            module,
            function: symbol.unwrap_or_else(|| format!("+{start:#x}")),
            line: None,
        }]
    }
}

/// The functions around a place by debug information, the innermost inlined one first.
fn described(loader: &Loader, place: u64, module: &str) -> Vec<Named> {
    let mut named = Vec::new();
    let Ok(mut frames) = loader.find_frames(place) else {
        return named;
    };
    while let Ok(Some(frame)) = frames.next() {
        let Some(Ok(function)) = frame.function.as_ref().map(|name| name.demangle()) else {
            break;
        };
        let line = frame.location.and_then(|at| {
            let file = at.file?.rsplit('/').next()?.to_owned();
            Some((file, at.line?))
        });
        named.push(Named {
            module: module.to_owned(),
            function: function.into_owned(),
            line,
        });
    }
    named
}

/// The symbol of the function around a place, if it really is this function's and not merely the last one before it.
fn symbol(loader: &Loader, place: u64, start: u64) -> Option<String> {
    let symbol = loader.find_symbol(place)?;
    let same = loader.find_symbol(start) == Some(symbol);
    same.then(|| addr2line::demangle_auto(symbol.into(), None).into_owned())
}
