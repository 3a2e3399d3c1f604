//! Names and lines for frames, as far as the modules on disk have them.

use crate::trace::{Frame, StackSeen};
use addr2line::Loader;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

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
    loaders: HashMap<u32, Option<Loader>>,
    known: HashMap<(u32, u64), Named>,
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

    /// The file of a module.
    #[must_use]
    pub fn module(&self, module: u32) -> Option<&PathBuf> {
        self.modules.get(module as usize)
    }

    /// The names of a stack, the innermost frame first.
    pub fn stack(&mut self, stack: &StackSeen) -> Vec<Named> {
        stack.frames.iter().map(|frame| self.frame(frame)).collect()
    }

    /// The name of a frame.
    pub fn frame(&mut self, frame: &Frame) -> Named {
        let key = (frame.module, frame.offset);
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let named = self.look_up(frame);
        self.known.insert(key, named.clone());
        named
    }

    fn look_up(&mut self, frame: &Frame) -> Named {
        let Some(path) = self.modules.get(frame.module as usize) else {
            return Named {
                module: "?".to_owned(),
                function: format!("+{:#x}", frame.offset),
                line: None,
            };
        };
        let file = path.file_name().unwrap_or(path.as_os_str());
        let module = file.to_string_lossy().into_owned();
        let loader = self
            .loaders
            .entry(frame.module)
            .or_insert_with(|| Loader::new(path).ok());
        // The call lies right before the place to which it returns.
        let start = frame.offset - u64::from(frame.into);
        let place = if frame.into == 0 {
            frame.offset
        } else {
            frame.offset - 1
        };
        let function = loader
            .as_ref()
            .and_then(|loader| function(loader, place, start));
        Named {
            module,
            function: function.unwrap_or_else(|| format!("+{start:#x}")),
            line: loader.as_ref().and_then(|loader| line(loader, place)),
        }
    }
}

/// The name of the function around a place: with debug information the innermost inlined one, else the symbol, if it really is
/// this function's and not merely the last one before it.
fn function(loader: &Loader, place: u64, start: u64) -> Option<String> {
    if let Ok(mut frames) = loader.find_frames(place)
        && let Ok(Some(frame)) = frames.next()
        && let Some(name) = frame.function
    {
        return name.demangle().ok().map(|name| name.into_owned());
    }
    let symbol = loader.find_symbol(place)?;
    let same = loader.find_symbol(start) == Some(symbol);
    same.then(|| addr2line::demangle_auto(symbol.into(), None).into_owned())
}

fn line(loader: &Loader, place: u64) -> Option<(String, u32)> {
    let found = loader.find_location(place).ok()??;
    let file = found.file?.rsplit('/').next()?.to_owned();
    Some((file, found.line?))
}
