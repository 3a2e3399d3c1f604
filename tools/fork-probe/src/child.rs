//! A forked child that does one thing at a time, when told, and cannot outlive its parent.
//!
//! Parent and child hold the two ends of a socket. The parent sends a command of one byte, the child
//! does it and sends the byte back: so the two never run at the same time, and what is measured
//! between two commands is the work of one side.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid};

use crate::end::{End, Silence};

/// How long a wait for the child may take, and what else ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience<'a> {
    /// For each single wait.
    pub(crate) deadline: Duration,
    /// Set from elsewhere, for instance by a signal handler, when the caller is to stop.
    pub(crate) stop: Option<&'a AtomicBool>,
}

impl Patience<'_> {
    pub(crate) fn is_over(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// A child that waits for commands. Dropped, it is killed and reaped.
#[derive(Debug)]
pub(crate) struct Child<'a> {
    /// `None` once it is reaped.
    pid: Option<Pid>,
    socket: OwnedFd,
    /// Tells when the child has ended, also if others hold copies of its socket; needs Linux 5.3.
    pidfd: Option<OwnedFd>,
    patience: Patience<'a>,
    /// How long the call of fork took, in this process.
    pub(crate) fork_time: Duration,
}

impl<'a> Child<'a> {
    /// Fork a child that performs commands until the parent hangs up.
    ///
    /// # Safety
    ///
    /// `serve` makes only async-signal-safe calls and uses nothing that another thread of this process
    /// could have been changing.
    pub(crate) unsafe fn fork(
        patience: Patience<'a>,
        serve: &mut dyn FnMut(u8),
    ) -> nix::Result<Self> {
        let (ours, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::Stream,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        let parent = getpid();
        let start = Instant::now();
        // SAFETY: the child runs `serve`, of which the caller says that it is safe there, and never
        // leaves `serve_until_hangup`.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(ours);
                serve_until_hangup(parent, theirs.as_raw_fd(), serve)
            }
            ForkResult::Parent { child } => Ok(Self {
                pid: Some(child),
                fork_time: start.elapsed(),
                socket: ours,
                pidfd: pidfd(child),
                patience,
            }),
        }
    }

    pub(crate) fn pid(&self) -> Option<Pid> {
        self.pid
    }

    /// Give a command and wait until it is done.
    pub(crate) fn tell(&mut self, command: u8) -> Result<(), Silence> {
        if self.patience.is_over() {
            return Err(Silence::Interrupted);
        }
        // A child that is gone shows in the wait.
        let _ = send(self.socket.as_raw_fd(), &[command], MsgFlags::MSG_NOSIGNAL);
        let deadline = Instant::now() + self.patience.deadline;
        loop {
            match self.wait(deadline)? {
                Wakeup::Socket => {}
                Wakeup::Ended => return Err(Silence::Ended(self.reap())),
                Wakeup::Deadline => return Err(Silence::Ended(self.give_up())),
            }
            let mut answer = [0];
            match recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
                Ok(1) if answer[0] == command => return Ok(()),
                Err(Errno::EINTR) => {}
                _ => return Err(Silence::Ended(self.reap_within(deadline))),
            }
        }
    }

    /// Hang up, and wait until the child has ended.
    pub(crate) fn end(mut self) -> End {
        let deadline = Instant::now() + self.patience.deadline;
        // A child that is gone needs no farewell.
        let _ =
            nix::sys::socket::shutdown(self.socket.as_raw_fd(), nix::sys::socket::Shutdown::Write);
        self.reap_within(deadline)
    }

    /// Wait until the child has something to say or has ended.
    fn wait(&self, deadline: Instant) -> Result<Wakeup, Silence> {
        loop {
            let timeout = until(deadline);
            // Not in a vector: the parent must not allocate while its child is watched.
            let watched = self.pidfd.as_ref().unwrap_or(&self.socket);
            let mut fds = [readable(self.socket.as_fd()), readable(watched.as_fd())];
            let woken = poll(&mut fds, timeout);
            if self.patience.is_over() {
                return Err(Silence::Interrupted);
            }
            return Ok(match woken {
                Ok(0) => Wakeup::Deadline,
                Ok(_) if fds[0].any() == Some(true) => Wakeup::Socket,
                Ok(_) => Wakeup::Ended,
                Err(_) => continue,
            });
        }
    }

    /// Reap a child that has closed its socket, and so should end at once.
    fn reap_within(&mut self, deadline: Instant) -> End {
        loop {
            let timeout = until(deadline);
            let watched = self.pidfd.as_ref().unwrap_or(&self.socket);
            match poll(&mut [readable(watched.as_fd())], timeout) {
                Ok(0) => return self.give_up(),
                Ok(_) => return self.reap(),
                Err(_) if self.patience.is_over() => return self.give_up(),
                Err(_) => {}
            }
        }
    }

    /// Kill a child that does not answer, and reap it.
    fn give_up(&mut self) -> End {
        let Some(pid) = self.pid else {
            return End::Lost;
        };
        // It was not reaped, so the number is still its own; if it has ended, there is nothing to kill.
        let _ = kill(pid, Signal::SIGKILL);
        match self.reap() {
            End::Killed { signal } if signal == Signal::SIGKILL as i32 => End::Overdue {
                seconds: self.patience.deadline.as_secs_f64(),
            },
            end => end,
        }
    }

    fn reap(&mut self) -> End {
        let Some(pid) = self.pid.take() else {
            return End::Lost;
        };
        loop {
            match waitpid(pid, None) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::Exited(_, code)) => return End::Exited { code },
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    return End::Killed {
                        signal: signal as i32,
                    };
                }
                // Whoever ignores SIGCHLD, or waits for all children, has taken it.
                _ => return End::Lost,
            }
        }
    }
}

impl Drop for Child<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

enum Wakeup {
    Socket,
    Ended,
    Deadline,
}

/// The time until then, in whole milliseconds, and not less than it is.
fn until(deadline: Instant) -> PollTimeout {
    let left = deadline.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
}

fn readable(fd: BorrowedFd<'_>) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::POLLIN)
}

fn pidfd(pid: Pid) -> Option<OwnedFd> {
    // SAFETY: makes a descriptor, or fails.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = i32::try_from(fd).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: a new descriptor, nobody else's.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The child's whole life. Calls nothing that allocates or locks.
fn serve_until_hangup(parent: Pid, socket: i32, serve: &mut dyn FnMut(u8)) -> ! {
    // Should `serve` panic, no frame of the caller is unwound in this process.
    let _leave = Leave;
    die_with(parent);
    loop {
        let mut command = [0_u8];
        // SAFETY: one byte of our own.
        match unsafe { libc::recv(socket, command.as_mut_ptr().cast(), 1, 0) } {
            1 => {
                serve(command[0]);
                // SAFETY: one byte of our own.
                unsafe { libc::send(socket, command.as_ptr().cast(), 1, libc::MSG_NOSIGNAL) };
            }
            -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            _ => leave(0),
        }
    }
}

/// Have the kernel kill this process when its parent ends, and leave interrupts to the parent.
fn die_with(parent: Pid) {
    // SAFETY: changes this process alone.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: ignoring a signal is always possible.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    // SAFETY: asks for a number.
    if unsafe { libc::getppid() } != parent.as_raw() {
        leave(0);
    }
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        leave(101);
    }
}

fn leave(status: i32) -> ! {
    // SAFETY: ends this process at once; what the parent registered for its exit is the parent's.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests;
