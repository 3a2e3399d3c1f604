//! Starts a program under the interposer and collects what it did.

use crate::channel::wants;
use crate::error::Error;
use crate::plan::FaultPlan;
use crate::shared::{self, Handed, Shared};
use crate::trace::Trace;
use crate::{interposer, target};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// A program to be run under the interposer.
///
/// ```
/// # #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))] {
/// use malloc_fault::{FaultPlan, Launch};
///
/// let run = Launch::new("ls")?.arg("/").plan(FaultPlan::persistent(1)?).captured().run()?;
/// assert!(!run.status().success()); // ls gives up when it gets no memory at all
/// # }
/// # Ok::<(), malloc_fault::Error>(())
/// ```
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    pub(crate) plan: FaultPlan,
    pub(crate) wants: u32,
    captured: bool,
    input: Option<OwnedFd>,
    pub(crate) limit: Option<Duration>,
}

impl Launch {
    /// Finds a program by its path, or by its name in `PATH`.
    ///
    /// # Errors
    ///
    /// [`Error`] if there is none, or none that the interposer can work in.
    pub fn new(program: impl AsRef<OsStr>) -> Result<Self, Error> {
        Ok(Self::checked(target::find(program.as_ref())?))
    }

    /// A program that was found and looked at before.
    pub(crate) fn checked(program: PathBuf) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: None,
            plan: FaultPlan::NONE,
            wants: wants::LOG | wants::STACKS,
            captured: false,
            input: None,
            limit: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the program's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Runs the program in this folder.
    #[must_use]
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Fails the calls that the plan names.
    #[must_use]
    pub fn plan(mut self, plan: FaultPlan) -> Self {
        self.plan = plan;
        self
    }

    /// Keeps what the program prints, and gives it no input.
    #[must_use]
    pub fn captured(mut self) -> Self {
        self.captured = true;
        self
    }

    /// Looks for lost blocks when the program ends.
    #[must_use]
    pub fn leaks(mut self) -> Self {
        self.wants |= wants::LEAKS | wants::LIVE | wants::STACKS;
        self
    }

    /// Counts in the programs, too, that this one executes.
    #[must_use]
    pub fn follow_exec(mut self) -> Self {
        self.wants |= wants::FOLLOW_EXEC;
        self
    }

    /// Ends the program after this time.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Gives the program this file to read.
    pub(crate) fn input(mut self, file: OwnedFd) -> Self {
        self.input = Some(file);
        self
    }

    /// The program's file.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be started, or the interposer did not start in it.
    pub fn run(self) -> Result<Run, Error> {
        let limit = self.limit;
        self.start(|_| {})?.finish(limit)
    }

    /// Starts the program; `prepare` sees the channel first.
    pub(crate) fn start(self, prepare: impl FnOnce(&Shared)) -> Result<Started, Error> {
        self.plan.check()?;
        let library = interposer::file()?;
        let channel = Shared::new()?;
        channel.header.wants.store(self.wants, Relaxed);
        prepare(&channel);
        let output = if self.captured {
            Some((shared::memory_file("out")?, shared::memory_file("err")?))
        } else {
            None
        };
        let mut command = self.command(&library.path, channel.path());
        if let Some((out, err)) = &output {
            let copy = |file: &OwnedFd| file.try_clone().map_err(Error::io("sharing output"));
            command
                .stdout(copy(out)?)
                .stderr(copy(err)?)
                .stdin(Stdio::null());
        }
        if let Some(input) = self.input {
            command.stdin(input);
        }
        let child = command.spawn().map_err(Error::io("starting the program"))?;
        Ok(Started {
            program: self.program,
            child,
            channel,
            output,
            _library: library,
        })
    }

    fn command(&self, library: &str, channel: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.variables.iter().cloned());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut preload = OsString::from(library);
        if let Some(before) = env::var_os("LD_PRELOAD").filter(|before| !before.is_empty()) {
            preload.push(":");
            preload.push(before);
        }
        command.env("LD_PRELOAD", preload);
        command.env(crate::channel::PLAN_VARIABLE, self.plan.to_string());
        command.env(crate::channel::CHANNEL_VARIABLE, channel);
        // SAFETY: only calls that are safe after a fork.
        unsafe { command.pre_exec(before_exec) };
        if self.captured {
            // SAFETY: as above.
            unsafe { command.pre_exec(close_others) };
        }
        command
    }
}

/// Addresses are the same in every run, and a crash that was asked for writes no core file.
fn before_exec() -> std::io::Result<()> {
    const ADDR_NO_RANDOMIZE: libc::c_ulong = 0x004_0000;
    // SAFETY: changes this process alone. A sandbox may refuse; stacks are told by module and offset then as ever.
    unsafe { libc::personality(ADDR_NO_RANDOMIZE) };
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: reads one limit.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    // SAFETY: asks the kernel to end this process with the one that started it.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    Ok(())
}

/// What this process happened to inherit is not the program's: it would be shared by all its runs.
fn close_others() -> std::io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: marks descriptors of this process; kernels before 5.11 refuse, and then they stay.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            CLOSE_RANGE_CLOEXEC,
        )
    };
    Ok(())
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Started {
    program: PathBuf,
    child: Child,
    pub(crate) channel: Shared,
    output: Option<(OwnedFd, OwnedFd)>,
    _library: Handed,
}

impl Started {
    /// Waits so long for the end. `None` if it has not come.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<Option<ExitStatus>, Error> {
        wait(&mut self.child, time).map_err(Error::io("waiting for the program"))
    }

    /// Ends the program.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus, Error> {
        // It may have ended by itself in between, and then there is nothing to kill.
        let _ = self.child.kill();
        self.child
            .wait()
            .map_err(Error::io("waiting for the program"))
    }

    /// Waits for the end, at most so long.
    pub(crate) fn finish(mut self, limit: Option<Duration>) -> Result<Run, Error> {
        let ended = match limit {
            None => Some(
                self.child
                    .wait()
                    .map_err(Error::io("waiting for the program"))?,
            ),
            Some(limit) => self.wait(limit)?,
        };
        let (status, timed_out) = match ended {
            Some(status) => (status, false),
            None => (self.kill()?, true),
        };
        self.collect(status, timed_out)
    }

    /// What is left of a program that has ended.
    pub(crate) fn collect(self, status: ExitStatus, timed_out: bool) -> Result<Run, Error> {
        if self.channel.header.ready.load(Relaxed) == 0 {
            return Err(Error::NotLoaded(self.program));
        }
        let (out, err) = match &self.output {
            Some((out, err)) => (shared::contents(out)?, shared::contents(err)?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Run {
            program: self.program,
            status,
            timed_out,
            out,
            err,
            channel: self.channel,
        })
    }
}

/// Waits for a child, at most so long.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<Option<ExitStatus>> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return child.try_wait();
    };
    let file = pidfd_open(pid, PidfdFlags::empty())?;
    let end = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let timeout = Timespec::try_from(left).ok();
        // An interrupted wait is looked at again, as one that timed out.
        let _ = poll(&mut [PollFd::new(&file, PollFlags::IN)], timeout.as_ref());
    }
}

/// A program that has ended, and what it did.
#[derive(Debug)]
pub struct Run {
    program: PathBuf,
    status: ExitStatus,
    timed_out: bool,
    out: Vec<u8>,
    err: Vec<u8>,
    pub(crate) channel: Shared,
}

impl Run {
    /// How it ended.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        self.status
    }

    /// Whether the time limit ended it.
    #[must_use]
    pub fn is_timed_out(&self) -> bool {
        self.timed_out
    }

    /// What it printed, if that was kept.
    #[must_use]
    pub fn stdout(&self) -> &[u8] {
        &self.out
    }

    /// What it printed as errors, if that was kept.
    #[must_use]
    pub fn stderr(&self) -> &[u8] {
        &self.err
    }

    /// The program's file.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The calls that it made.
    #[must_use]
    pub fn trace(&self) -> Trace {
        Trace::read(&self.channel, &self.program)
    }
}
