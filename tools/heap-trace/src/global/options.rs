//! What the environment asks of a traced program.

use std::ffi::{CStr, CString};

use crate::settings::{Method, Settings};

/// Every word that `HEAP_TRACE` may say.
pub(super) const WORDS: &str = "off, canary, guard-after, guard-before, stacks, no-stacks, reachable, \
    quiet, json, report=FILE, suppressions=FILE, record=FILE, exit=STATUS";

/// What `HEAP_TRACE` says.
#[derive(Debug)]
pub(super) struct Options {
    method: Option<Method>,
    stacks: Option<bool>,
    /// Whether nothing is traced in this run.
    pub(super) off: bool,
    /// Whether the report lists what is still reachable.
    pub(super) reachable: bool,
    pub(super) quiet: bool,
    pub(super) json: bool,
    pub(super) report: Option<CString>,
    pub(super) suppressions: Option<CString>,
    /// The file that events are written to.
    pub(super) record: Option<CString>,
    /// The status of a program in which something is wrong.
    pub(super) exit: Option<u8>,
    /// Words that mean nothing.
    pub(super) unknown: Vec<String>,
}

impl Options {
    pub(super) const fn none() -> Self {
        Self {
            method: None,
            stacks: None,
            off: false,
            reachable: false,
            quiet: false,
            json: false,
            report: None,
            suppressions: None,
            record: None,
            exit: None,
            unknown: Vec::new(),
        }
    }

    /// Read the environment. (Not through `std::env`, whose lock a signal handler's victim may hold.)
    pub(super) fn from_environment() -> Self {
        // SAFETY: nobody changes the environment before the first allocation of the program.
        let value = unsafe { libc::getenv(c"HEAP_TRACE".as_ptr()) };
        if value.is_null() {
            return Self::none();
        }
        // SAFETY: a string of the environment.
        let value = unsafe { CStr::from_ptr(value) };
        Self::parse(&value.to_string_lossy())
    }

    fn parse(text: &str) -> Self {
        let mut options = Self::none();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word.split_once('=').unwrap_or((word, "")) {
                ("off", "") => options.off = true,
                ("canary", "") => options.method = Some(Method::Canary),
                ("guard-after", "") => options.method = Some(Method::GuardAfter),
                ("guard-before", "") => options.method = Some(Method::GuardBefore),
                ("stacks", "") => options.stacks = Some(true),
                ("no-stacks", "") => options.stacks = Some(false),
                ("reachable", "") => options.reachable = true,
                ("quiet", "") => options.quiet = true,
                ("json", "") => options.json = true,
                ("report", path) if !path.is_empty() => options.report = CString::new(path).ok(),
                ("suppressions", path) if !path.is_empty() => {
                    options.suppressions = CString::new(path).ok();
                }
                ("record", path) if !path.is_empty() && cfg!(feature = "events") => {
                    options.record = CString::new(path).ok();
                }
                ("exit", status) if status.parse::<u8>().is_ok_and(|status| status > 0) => {
                    options.exit = status.parse().ok();
                }
                _ => options.unknown.push(word.to_owned()),
            }
        }
        options
    }

    /// Change the settings that the program was built with.
    pub(super) fn apply(&self, settings: Settings) -> Settings {
        let settings = match self.method {
            Some(method) => settings.method(method),
            None => settings,
        };
        match self.stacks {
            Some(stacks) => settings.backtraces(stacks),
            None => settings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_unknown_ones_kept() {
        let options = Options::parse(
            "guard-before,no-stacks, quiet,exit=9,report=/tmp/x,exit=256,hello,exit",
        );
        assert_eq!(
            (options.method, options.stacks),
            (Some(Method::GuardBefore), Some(false))
        );
        assert_eq!(
            (options.quiet, options.json, options.exit),
            (true, false, Some(9))
        );
        assert_eq!(options.report.as_deref(), Some(c"/tmp/x"));
        assert_eq!(options.unknown, ["exit=256", "hello", "exit"]);
    }
}
