//! Running a command to its end, or ending it with all that it started.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::report::Verdict;
use crate::run::{Outcome, display, root};

/// What takes longer hangs. The longest, a conformance suite under valgrind, was not through in 20 minutes on
/// a busy machine.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) line: String,
    pub(crate) text: String,
    pub(crate) success: bool,
    pub(crate) status: String,
    pub(crate) seconds: f64,
}

impl Said {
    /// Good if the command succeeded; otherwise the first line that has one of these words.
    pub(crate) fn verdict(&self, telling: &[&str], good: String) -> Verdict {
        if self.success {
            return Verdict::Good(good);
        }
        let told = |line: &&str| telling.iter().any(|word| line.contains(word));
        let line = self.text.lines().find(told);
        Verdict::Bad(line.unwrap_or(&self.status).trim().to_owned())
    }
}

/// Run a command; what it says on both channels comes in the order in which it was said.
pub(crate) fn listen(mut command: Command) -> Outcome<Said> {
    let line = display(&command);
    let path = scratch()?;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = File::create(&path).map_err(failed)?;
    let twin = file.try_clone().map_err(failed)?;
    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(twin)
        .spawn()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    let (success, status) = match wait(child, start, LIMIT)? {
        Some(status) => (status.success(), status.to_string()),
        None => (false, format!("did not end in {} s", LIMIT.as_secs())),
    };
    let seconds = start.elapsed().as_secs_f64();
    let bytes = fs::read(&path).map_err(failed)?;
    fs::remove_file(&path).map_err(failed)?;
    Ok(Said {
        line,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        success,
        status,
        seconds,
    })
}

/// A file for what one command says. A file, for a pipe stays open as long as any descendant lives.
fn scratch() -> Outcome<PathBuf> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = root().join("target/leaks/said");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(folder.join(format!("{}-{number}", std::process::id())))
}

/// Wait until the limit; none if it was ended there.
///
/// It stays in the group of processes of this command: whoever interrupts one interrupts both.
fn wait(mut child: Child, start: Instant, limit: Duration) -> Outcome<Option<ExitStatus>> {
    let failed = |error: std::io::Error| format!("waiting: {error}");
    loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            for pid in family(child.id()) {
                // It may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
            child.wait().map_err(failed)?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A process and its descendants, as the kernel lists them.
fn family(pid: u32) -> Vec<Pid> {
    let number = |pid: u32| Pid::from_raw(pid.try_into().ok()?);
    let mut all = Vec::from_iter(number(pid));
    let mut at = 0;
    while let Some(&parent) = all.get(at) {
        let tasks = fs::read_dir(format!("/proc/{parent}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children"));
            let pids = children.unwrap_or_default();
            all.extend(
                pids.split_whitespace()
                    .filter_map(|pid| number(pid.parse().ok()?)),
            );
        }
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests;
