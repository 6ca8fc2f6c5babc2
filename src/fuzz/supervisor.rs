//! Starts workers, each a process of its own, starts those again that die, and hands on what they tell. Tries no input itself.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use super::coverage::{Map, Mode, prepare};
use super::finding::Finding;
use super::ground::Ground;
use super::launch::WORKER;
use super::oracle::{Oracle, Suspicion};
use super::plan::WorkPlan;
use super::tidings::Report;
use super::worker::Worker;
use crate::scenario::Catalogue;

/// All workers of a run.
pub struct Supervisor {
    plan: WorkPlan,
    began: Instant,
    reports: mpsc::Receiver<(u32, Told)>,
    sender: mpsc::Sender<(u32, Told)>,
    workers: Vec<Seat>,
    stopping: bool,
}

/// The place of a worker, whoever sits on it.
struct Seat {
    child: Child,
    /// Closed to have it stop.
    lifeline: Option<ChildStdin>,
    /// Inputs tried by those who sat here before, and by the present one.
    before: u64,
    present: u64,
    deaths: u32,
    ended: bool,
    started: Instant,
}

enum Told {
    Report(Box<Report>),
    Gone,
}

/// Reports that may wait.
const WAITING: usize = 1024;
/// Deaths in a row, each within a short life, after which a worker is not started again.
const DEATHS: u32 = 5;
const SHORT_LIFE: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Starts the workers of a plan.
    pub async fn start(plan: WorkPlan) -> io::Result<Self> {
        let (sender, reports) = mpsc::channel(WAITING);
        let mut supervisor =
            Self { began: Instant::now(), reports, sender, workers: Vec::new(), stopping: false, plan };
        for number in 0..supervisor.plan.workers {
            let (child, lifeline) = supervisor.seat(number, 0, 0).await?;
            let (before, present, deaths, ended, started) = (0, 0, 0, false, Instant::now());
            supervisor.workers.push(Seat { child, lifeline, before, present, deaths, ended, started });
        }
        Ok(supervisor)
    }

    /// The next thing that a worker tells, with its number; `None` once all have ended.
    pub async fn next(&mut self) -> Option<(u32, Report)> {
        while self.workers.iter().any(|seat| !seat.ended) {
            let (number, told) = self.reports.recv().await?;
            let seat = &mut self.workers[number as usize];
            match told {
                Told::Report(report) => {
                    let mut report = *report;
                    match &mut report {
                        Report::Progress(progress) => {
                            seat.present = progress.executions;
                            progress.executions += seat.before;
                        }
                        Report::Done | Report::Stuck(_) => seat.ended = true,
                        _ => {}
                    }
                    return Some((number, report));
                }
                Told::Gone if seat.ended => {
                    // Reaped, so that no zombie is left of it.
                    let _ = seat.child.wait().await;
                }
                Told::Gone => return Some((number, self.replace(number).await)),
            }
        }
        None
    }

    /// Has all workers stop after what they are at.
    pub fn stop(&mut self) {
        self.stopping = true;
        for seat in &mut self.workers {
            seat.lifeline = None;
        }
    }

    /// Puts another worker in the place of one that died.
    async fn replace(&mut self, number: u32) -> Report {
        let seat = &mut self.workers[number as usize];
        let how = seat.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        seat.before += std::mem::take(&mut seat.present);
        seat.deaths = if seat.started.elapsed() < SHORT_LIFE { seat.deaths + 1 } else { 0 };
        let (done, deaths) = (seat.before, seat.deaths);
        let is_used_up = self.plan.executions.is_some_and(|limit| done >= limit)
            || self.plan.time.is_some_and(|time| self.began.elapsed() >= time);
        if self.stopping || is_used_up {
            self.workers[number as usize].ended = true;
            return Report::Done;
        }
        if deaths >= DEATHS {
            self.workers[number as usize].ended = true;
            return Report::Stuck(format!("worker {number} died {deaths} times in a row ({how})"));
        }
        // With another seed: the same would die of the same.
        match self.seat(number, done, u64::from(deaths) + done + 1).await {
            Ok((child, lifeline)) => {
                let seat = &mut self.workers[number as usize];
                (seat.child, seat.lifeline, seat.started) = (child, lifeline, Instant::now());
                Report::Note(format!("worker {number} died ({how}) and was started again"))
            }
            Err(error) => {
                self.workers[number as usize].ended = true;
                Report::Stuck(format!("worker {number} died ({how}) and cannot be started again: {error}"))
            }
        }
    }

    async fn seat(&self, number: u32, done: u64, reseed: u64) -> io::Result<(Child, Option<ChildStdin>)> {
        let mut plan = self.plan.clone();
        plan.worker = number;
        plan.time = plan.time.map(|time| time.saturating_sub(self.began.elapsed()));
        plan.executions = plan.executions.map(|limit| share(limit, plan.workers, number).saturating_sub(done));
        plan.seed = plan.seed.wrapping_add(reseed);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(WORKER).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let mut lifeline = child.stdin.take();
        if let Some(lifeline) = &mut lifeline {
            let mut text = serde_json::to_vec(&plan)?;
            text.push(b'\n');
            lifeline.write_all(&text).await?;
        }
        let stdout = child.stdout.take();
        let sender = self.sender.clone();
        tokio::spawn(async move {
            if let Some(stdout) = stdout {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let Ok(report) = serde_json::from_str(&line) else { continue };
                    // The only failure is that nobody listens any more.
                    let _ = sender.send((number, Told::Report(Box::new(report)))).await;
                }
            }
            let _ = sender.send((number, Told::Gone)).await;
        });
        Ok((child, lifeline))
    }
}

/// How many of all inputs are one worker's.
fn share(all: u64, workers: u32, number: u32) -> u64 {
    let workers = u64::from(workers.max(1));
    all / workers + u64::from(u64::from(number) < all % workers)
}

/// Is a worker: takes its plan from standard input, tells what it does on standard output, and stops when its input ends.
pub fn work() -> Result<(), String> {
    let mut text = String::new();
    // Unbuffered beyond the line: nothing else is ever written there.
    io::stdin().lock().read_line(&mut text).map_err(|error| format!("cannot read the plan: {error}"))?;
    let plan: WorkPlan = serde_json::from_str(&text).map_err(|error| format!("cannot read the plan: {error}"))?;
    let catalogue = Catalogue::built_in().map_err(|error| error.to_string())?;
    let folder = worker_folder(&plan)?;
    let engine = plan.engine.clone();
    let seed = plan.seed;
    let result = (|| {
        let (map, hooked) = hooked(&plan, &folder)?;
        let ground = Ground::new(plan, &catalogue, hooked, &folder);
        let mut worker = Worker::new(ground, map, tell).map_err(|error| error.to_string())?;
        if engine == LIBFUZZER {
            return by_libfuzzer(worker, seed, &folder);
        }
        worker.work(&mut has_ended);
        Ok::<(), String>(())
    })();
    // What is left of it is small and of no use.
    let _ = std::fs::remove_dir_all(&folder);
    tell(&match result {
        Ok(()) => Report::Done,
        Err(reason) => Report::Stuck(reason),
    });
    Ok(())
}

/// The name of the engine that is libFuzzer.
pub const LIBFUZZER: &str = "libfuzzer";

/// Lets libFuzzer drive the worker. Does not return where all goes well.
#[cfg(feature = "libfuzzer")]
fn by_libfuzzer(worker: Worker, seed: u64, folder: &std::path::Path) -> Result<(), String> {
    struct Driver {
        worker: Worker,
        folder: PathBuf,
    }
    impl super::libfuzzer::Driven for Driver {
        fn propose(&mut self, given: &[u8], _: u32) -> Option<Vec<u8>> {
            (!self.worker.is_over() && !has_ended()).then(|| self.worker.propose(given).encode())
        }
        fn attempt(&mut self, input: &[u8]) -> Vec<u32> {
            self.worker.attempt(crate::smith::Input::decode(input)).into_iter().collect()
        }
        fn finish(&mut self) {
            self.worker.finish(has_ended());
            // What is left of it is small and of no use.
            let _ = std::fs::remove_dir_all(&self.folder);
            tell(&Report::Done);
        }
    }
    let driver = Driver { worker, folder: folder.to_owned() };
    Err(super::libfuzzer::drive(Box::new(driver), seed, &folder.display().to_string()))
}

#[cfg(not(feature = "libfuzzer"))]
fn by_libfuzzer(_: Worker, _: u64, _: &std::path::Path) -> Result<(), String> {
    Err("this program was built without libFuzzer".to_owned())
}

/// Tells the supervisor something; where nobody listens any more, the input has ended too.
fn tell(report: &Report) {
    let Ok(mut line) = serde_json::to_vec(report) else { return };
    line.push(b'\n');
    let _ = io::stdout().write_all(&line).and_then(|()| io::stdout().flush());
}

/// A folder of this worker's own, for hooks and maps; in memory where that is to be had.
fn worker_folder(plan: &WorkPlan) -> Result<PathBuf, String> {
    let shared = PathBuf::from("/dev/shm");
    let base = if shared.is_dir() { shared } else { std::env::temp_dir() };
    let folder = base.join(format!("mcp-litmus-{}-{}", std::process::id(), plan.worker));
    std::fs::create_dir_all(super::sandbox::home(&folder))
        .map_err(|error| format!("cannot write to `{}`: {error}", folder.display()))?;
    Ok(folder)
}

type Hooked = (Option<Map>, Option<crate::transport::CommandTarget>);

/// Sets hooks for coverage on the command, where there are any.
fn hooked(plan: &WorkPlan, folder: &std::path::Path) -> Result<Hooked, String> {
    let mode = match plan.coverage.as_str() {
        "off" => Mode::Off,
        "python" => Mode::Python,
        "node" => Mode::Node,
        "native" => Mode::Native,
        _ => Mode::Auto,
    };
    let Some(command) = plan.place.command().filter(|_| mode != Mode::Off) else { return Ok((None, None)) };
    let map = Map::create(folder).map_err(|error| format!("cannot make a map for coverage: {error}"))?;
    let inherited =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let prepared = prepare(mode, &command, &map, folder, &inherited.collect()).map_err(|error| error.to_string())?;
    if plan.worker == 0 {
        tell(&Report::Note(prepared.sentence));
    }
    if prepared.hooks.is_empty() { Ok((None, None)) } else { Ok((Some(map), Some(prepared.command))) }
}

/// Whether standard input has ended: whoever started this worker is gone, or wants it to stop.
fn has_ended() -> bool {
    let stdin = io::stdin();
    let mut polled = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    retry_on_intr(|| poll(&mut polled, Some(&now))).is_ok_and(|ready| ready > 0)
}

/// What became of a finding.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What is still wrong; `None` where it is fixed.
    pub still_there: Option<Suspicion>,
    /// What was said, in lines.
    pub excerpt: Vec<String>,
}

/// Tries a finding again, each attempt on a fresh session. What comes and goes is still there.
pub fn replay(plan: &WorkPlan, catalogue: &Catalogue, finding: &Finding) -> Result<Replayed, String> {
    let mut plan = plan.clone();
    plan.revision = finding.revision;
    plan.oracles = BTreeSet::from([finding.suspicion.oracle]);
    let whole = finding.suspicion.oracle == Oracle::Unanswered;
    let folder = worker_folder(&plan)?;
    let mut ground = Ground::new(plan, catalogue, None, &folder);
    let inputs = finding.inputs();
    let mut replayed = Replayed { still_there: None, excerpt: Vec::new() };
    for _ in 0..ATTEMPTS {
        let trial = ground.trial_for(finding.suspicion.oracle, &inputs, whole);
        let is_same = |seen: &&Suspicion| {
            let fatal = seen.oracle.is_fatal() && seen.oracle == finding.suspicion.oracle;
            let alike = seen.requirement == finding.suspicion.requirement && seen.subject == finding.suspicion.subject;
            fatal || alike
        };
        replayed.still_there = trial.suspicions.iter().find(is_same).cloned();
        replayed.excerpt = trial.excerpt;
        if replayed.still_there.is_some() {
            break;
        }
    }
    // What is left of it is small and of no use.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(replayed)
}

/// How often a finding is tried before it counts as fixed.
const ATTEMPTS: u32 = 2;
