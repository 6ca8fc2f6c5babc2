//! One target process, driven by blocking `poll` without a runtime: fuzzing sends thousands of messages a second, and libFuzzer
//! interrupts system calls as it likes. Carries bytes; never looks into a line.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::transport::{CommandTarget, Exit, ExitAfter, Incoming, Limits};
use crate::wire::{Bound, Bounds, Frame, Lines};

/// A running target.
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    unsent: BytesMut,
    lines: Lines,
    words: BytesMut,
    /// Bytes received since [`Process::begin`].
    received: usize,
    stderr_seen: usize,
    limits: Limits,
    exit: Option<Exit>,
    scratch: Box<[u8]>,
}

/// How much is read at once.
const READ: usize = 64 << 10;
/// Bytes of standard error that are looked at for one input, and of one of its lines.
const STDERR: usize = 64 << 10;
const STDERR_LINE: usize = 4 << 10;
/// How long a process may take to be reaped once it has closed its output.
const REAP: Duration = Duration::from_secs(2);

impl Process {
    /// Starts the program in a process group of its own.
    pub(super) fn start(command: &CommandTarget, limits: Limits) -> io::Result<Self> {
        let mut start = Command::new(&command.program);
        start.args(&command.arguments).envs(&command.environment).process_group(0);
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(directory) = &command.directory {
            start.current_dir(directory);
        }
        let mut child = start.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        for pipe in
            [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)]
        {
            pipe.map_or(Ok(()), without_blocking)?;
        }
        Ok(Self {
            group: Pid::from_raw(child.id().try_into().unwrap_or_default()),
            child,
            stdin,
            stdout,
            stderr,
            unsent: BytesMut::new(),
            lines: Lines::new(Bounds { line: limits.message, total: usize::MAX, lines: usize::MAX }),
            words: BytesMut::new(),
            received: 0,
            stderr_seen: 0,
            limits,
            exit: None,
            scratch: vec![0; READ].into(),
        })
    }

    /// The number of the process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Another input begins: what the target may send is counted anew.
    pub(super) fn begin(&mut self) {
        self.received = 0;
        self.stderr_seen = 0;
    }

    /// Writes, now as far as the pipe takes it, the rest while waiting.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.queue(bytes);
        self.write();
    }

    /// Has bytes wait to be written with those that follow.
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// Waits for one thing to happen, at most until the deadline, and appends what arrived. Says whether anything can
    /// still arrive.
    pub(super) fn turn(&mut self, deadline: Instant, arrived: &mut Vec<(Instant, Incoming)>) -> bool {
        let stdin = self.stdin.as_ref().filter(|_| !self.unsent.is_empty()).map(AsFd::as_fd);
        let pipes = [
            (stdin, PollFlags::OUT),
            (self.stdout.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (self.stderr.as_ref().map(AsFd::as_fd), PollFlags::IN),
        ];
        let mut watched = [None; 3];
        let mut polled = Vec::with_capacity(3);
        for (at, (pipe, flags)) in pipes.into_iter().enumerate() {
            if let Some(pipe) = pipe {
                watched[at] = Some(polled.len());
                polled.push(PollFd::from_borrowed_fd(pipe, flags));
            }
        }
        if self.stdout.is_none() {
            return false;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let wait =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        // A signal that interrupts only shortens the wait by what has passed already.
        if retry_on_intr(|| poll(&mut polled, Some(&wait))).unwrap_or(0) == 0 {
            return true;
        }
        let ready = watched.map(|at| at.is_some_and(|at| !polled[at].revents().is_empty()));
        drop(polled);
        if ready[0] {
            self.write();
        }
        // Standard error first: what a program says before it dies belongs to its death.
        if ready[2] {
            self.overhear(arrived);
        }
        if ready[1] {
            self.hear(arrived);
        }
        self.stdout.is_some()
    }

    /// Kills it with all that it started.
    pub(super) fn kill(&mut self, after: ExitAfter) -> Option<Exit> {
        if let Some(group) = self.group.take() {
            // The only failure is that nothing is left of it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.stdin = None;
        if self.exit.is_none() {
            self.exit =
                self.child.wait().ok().map(|status| Exit { code: status.code(), signal: status.signal(), after });
        }
        self.exit
    }

    /// Writes what waits, as far as the pipe takes it.
    pub(super) fn write(&mut self) {
        while let Some(stdin) = &mut self.stdin {
            if self.unsent.is_empty() {
                if self.unsent.capacity() > READ {
                    self.unsent = BytesMut::new();
                }
                return;
            }
            match stdin.write(&self.unsent) {
                Ok(written) => self.unsent.advance(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // It does not read any more; what it still says is read.
                    self.stdin = None;
                    self.unsent.clear();
                }
            }
        }
        self.unsent.clear();
    }

    fn hear(&mut self, arrived: &mut Vec<(Instant, Incoming)>) {
        let read = read(self.stdout.as_mut(), &mut self.scratch, self.lines.buffer());
        let now = Instant::now();
        if let Some(read) = read {
            self.received += read;
            while let Some(frame) = self.lines.next_frame() {
                match frame {
                    Frame::Line(line) => arrived.push((now, Incoming::Line(line))),
                    Frame::Passed(bound, seen) => return self.stop(&bound.to_string(), &seen, arrived),
                }
            }
            if self.received > self.limits.total {
                self.stop(&Bound::Total(self.limits.total).to_string(), &Bytes::new(), arrived);
            }
            return;
        }
        let rest = std::mem::take(self.lines.buffer()).freeze();
        if !rest.is_empty() {
            arrived.push((now, Incoming::Unterminated(rest)));
        }
        self.stdout = None;
        self.last_words(arrived);
        arrived.push((now, Incoming::OutputClosed));
        if let Some(exit) = self.reap() {
            arrived.push((Instant::now(), Incoming::Exited(exit)));
        }
    }

    /// A bound was passed: nothing more is read, and the process is of no use any more.
    fn stop(&mut self, reason: &str, seen: &Bytes, arrived: &mut Vec<(Instant, Incoming)>) {
        let now = Instant::now();
        arrived.push((now, Incoming::Cut(seen.slice(..seen.len().min(READ)))));
        arrived.push((now, Incoming::LimitPassed(reason.to_owned())));
        self.stdout = None;
        self.kill(ExitAfter::Killed);
    }

    fn overhear(&mut self, arrived: &mut Vec<(Instant, Incoming)>) {
        if read(self.stderr.as_mut(), &mut self.scratch, &mut self.words).is_none() {
            self.stderr = None;
        }
        let now = Instant::now();
        while let Some(end) = memchr::memchr(b'\n', &self.words) {
            let line = self.words.split_to(end).freeze();
            self.words.advance(1);
            self.overheard(&line, now, arrived);
        }
        if self.words.len() > STDERR_LINE {
            let line = self.words.split().freeze();
            self.overheard(&line, now, arrived);
        }
    }

    fn overheard(&mut self, line: &Bytes, now: Instant, arrived: &mut Vec<(Instant, Incoming)>) {
        if self.stderr_seen < STDERR {
            self.stderr_seen += line.len().max(64);
            arrived.push((now, Incoming::Stderr(line.slice(..line.len().min(STDERR_LINE)))));
        }
    }

    /// What is left on standard error once the output is closed.
    fn last_words(&mut self, arrived: &mut Vec<(Instant, Incoming)>) {
        let deadline = Instant::now() + REAP;
        while let Some(stderr) = &self.stderr {
            let mut polled = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN)];
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = Timespec { tv_sec: 0, tv_nsec: left.min(Duration::from_millis(100)).subsec_nanos().into() };
            if retry_on_intr(|| poll(&mut polled, Some(&wait))).unwrap_or(0) > 0 {
                self.overhear(arrived);
            } else if left.is_zero() || self.reaped() {
                break;
            }
        }
        let rest = self.words.split().freeze();
        if !rest.is_empty() {
            self.overheard(&rest, Instant::now(), arrived);
        }
    }

    fn reaped(&mut self) -> bool {
        if self.exit.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            self.exit = Some(Exit { code: status.code(), signal: status.signal(), after: ExitAfter::Nothing });
        }
        self.exit.is_some()
    }

    /// How it ended; where it does not although it has closed its output, it is killed and has not ended by itself.
    fn reap(&mut self) -> Option<Exit> {
        let deadline = Instant::now() + REAP;
        let mut pause = Duration::from_micros(100);
        while !self.reaped() {
            if Instant::now() >= deadline {
                return self.kill(ExitAfter::Killed);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.kill(ExitAfter::Nothing)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill(ExitAfter::Killed);
    }
}

fn without_blocking(pipe: BorrowedFd<'_>) -> io::Result<()> {
    let flags = fcntl_getfl(pipe)?;
    Ok(fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}

/// Appends what can be read, up to a bound; `None` at the end.
fn read(pipe: Option<&mut impl io::Read>, scratch: &mut [u8], buffer: &mut BytesMut) -> Option<usize> {
    let pipe = pipe?;
    loop {
        match pipe.read(scratch) {
            Ok(0) => return None,
            Ok(read) => {
                buffer.extend_from_slice(&scratch[..read]);
                return Some(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(0),
            Err(_) => return None,
        }
    }
}
