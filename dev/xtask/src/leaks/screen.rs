//! What a person sees while the tools run: finished rows, and on a terminal what is being waited for.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Standard output, or standard error where the former belongs to a machine.
pub(crate) struct Screen {
    is_for_machines: bool,
    is_terminal: bool,
    running: Mutex<Vec<(String, Instant)>>,
}

impl Screen {
    /// With `json`, standard output is left to it.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            is_for_machines: json,
            is_terminal: std::io::stderr().is_terminal(),
            running: Mutex::new(Vec::new()),
        }
    }

    /// Print a line that stays.
    pub(crate) fn line(&self, text: &str) {
        let running = self.running();
        self.wipe();
        if self.is_for_machines {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
        self.draw(&running);
    }

    /// Show what is waited for as long as the work takes.
    pub(crate) fn during<T>(&self, what: &str, work: impl FnOnce() -> T) -> T {
        self.running().push((what.to_owned(), Instant::now()));
        self.tick();
        let done = work();
        let mut running = self.running();
        if let Some(at) = running.iter().position(|(name, _)| name == what) {
            running.remove(at);
        }
        self.wipe();
        self.draw(&running);
        done
    }

    /// Let the waiting line count seconds until the other end of the channel is dropped.
    pub(crate) fn tick_until(&self, end: Receiver<()>) {
        while end.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            self.tick();
        }
    }

    /// Draw the waiting line anew.
    fn tick(&self) {
        let running = self.running();
        self.wipe();
        self.draw(&running);
    }

    fn running(&self) -> MutexGuard<'_, Vec<(String, Instant)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wipe(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }

    fn draw(&self, running: &[(String, Instant)]) {
        if !self.is_terminal {
            return;
        }
        let parts = running
            .iter()
            .map(|(name, since)| format!("{name} {} s", since.elapsed().as_secs()));
        let line = parts.collect::<Vec<_>>().join(" · ");
        eprint!("{}", line.chars().take(100).collect::<String>());
        let _ = std::io::stderr().flush();
    }
}
