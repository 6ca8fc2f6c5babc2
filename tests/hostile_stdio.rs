//! Real processes that behave as badly as a target can: every connection ends, in bounded memory, and nothing is left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcp_litmus::transport::{
    CommandTarget, Connection, Exit, ExitAfter, Incoming, Limits, Outgoing, Target, TransportError,
};
use rustix::process::{Pid, test_kill_process_group};

/// No test waits for this; it is when a test that hangs gives up.
const HANGS: Duration = Duration::from_secs(30);

fn target(program: &str, arguments: &[&str]) -> CommandTarget {
    CommandTarget {
        program: program.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        environment: BTreeMap::new(),
        directory: None,
    }
}

fn limits() -> Limits {
    Limits { grace: Duration::from_millis(50), ..Limits::default() }
}

fn patient() -> Limits {
    Limits { grace: HANGS, ..Limits::default() }
}

fn sh(script: &str, limits: Limits) -> Connection {
    Connection::open(&Target::Command(target("sh", &["-c", script])), limits).expect("sh starts")
}

fn send(connection: &Connection, text: &str) {
    connection.send(Outgoing::Bytes(Bytes::copy_from_slice(text.as_bytes())));
}

fn line(text: &str) -> Incoming {
    Incoming::Line(Bytes::copy_from_slice(text.as_bytes()))
}

fn exited(code: Option<i32>, signal: Option<i32>, after: ExitAfter) -> Incoming {
    Incoming::Exited(Exit { code, signal, after })
}

async fn next(connection: &mut Connection) -> Option<Incoming> {
    let arrival = tokio::time::timeout(HANGS, connection.receive()).await.expect("something arrives in time");
    arrival.map(|arrival| arrival.what)
}

/// All that arrives until the target is gone by itself.
async fn all(connection: &mut Connection) -> Vec<Incoming> {
    let mut arrivals = Vec::new();
    while let Some(what) = next(connection).await {
        arrivals.push(what);
    }
    arrivals
}

async fn close(connection: Connection) -> Vec<Incoming> {
    let rest = tokio::time::timeout(HANGS, connection.close()).await.expect("closes in time");
    rest.into_iter().map(|arrival| arrival.what).collect()
}

/// The process group whose number the target printed.
async fn group(connection: &mut Connection) -> Pid {
    let Some(Incoming::Line(number)) = next(connection).await else { panic!("no line came") };
    let number = std::str::from_utf8(&number).expect("a number").parse().expect("a number");
    Pid::from_raw(number).expect("a process")
}

/// Whether any process of the group still runs. One that was killed and that nobody has reaped yet does not.
fn runs(group: Pid) -> bool {
    if test_kill_process_group(group).is_err() {
        return false;
    }
    let processes = std::fs::read_dir("/proc").expect("a Linux system").flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats.into_iter().any(|stat| {
        // After the name, which may hold anything: state, parent, group.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        !["Z", "X"].contains(&fields[0]) && fields[2].parse() == Ok(group.as_raw_nonzero().get())
    })
}

/// The most memory this process ever had, in MB.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a Linux system");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells the peak");
    peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}

#[tokio::test]
async fn a_line_comes_back() {
    let mut connection = sh("cat", patient());
    for n in 0..1000 {
        send(&connection, &format!("{n}\n"));
        assert_eq!(next(&mut connection).await, Some(line(&n.to_string())));
    }
    connection.send(Outgoing::CloseInput);
    let end = [Incoming::OutputClosed, exited(Some(0), None, ExitAfter::InputClosed)];
    assert_eq!(all(&mut connection).await, end);
}

#[tokio::test]
async fn what_was_sent_before_the_end_is_still_written() {
    let connection = sh("cat", patient());
    let long = "x".repeat(1_000_000);
    send(&connection, &format!("{long}\n"));
    send(&connection, "the end");
    let end = [
        line(&long),
        Incoming::Unterminated(Bytes::from_static(b"the end")),
        Incoming::OutputClosed,
        exited(Some(0), None, ExitAfter::InputClosed),
    ];
    assert_eq!(close(connection).await, end);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_reason() {
    let reason = |target: CommandTarget| match Connection::open(&Target::Command(target), limits()) {
        Err(TransportError::CannotStart { reason, .. }) => reason,
        _ => panic!("it starts"),
    };
    assert_eq!(reason(target("mcp-litmus-no-such-program", &[])), "not found in PATH");
    assert_eq!(reason(target("./no/such/program", &[])), "no such file");
    assert_eq!(reason(target("/dev", &[])), "it is a directory");
    assert_eq!(reason(target("/dev/null", &[])), "permission denied; is it executable?");
    let elsewhere = CommandTarget { directory: Some("no/such/place".into()), ..target("sh", &[]) };
    assert_eq!(reason(elsewhere), "the working directory `no/such/place` does not exist");
}

#[tokio::test]
async fn the_environment_and_the_directory_are_the_ones_asked_for() {
    let environment = BTreeMap::from([("LITMUS_WORD".to_owned(), "word".to_owned())]);
    let asked = CommandTarget {
        environment,
        directory: Some("/".into()),
        ..target("sh", &["-c", "echo $LITMUS_WORD; pwd; test -n \"$PATH\" && echo inherited"])
    };
    let mut connection = Connection::open(&Target::Command(asked), patient()).unwrap();
    assert_eq!(all(&mut connection).await[..3], [line("word"), line("/"), line("inherited")]);
}

#[tokio::test]
async fn an_exit_at_once_is_told_with_all_that_was_said() {
    let mut connection = sh("echo usage; echo wrong option >&2; printf half; exit 3", patient());
    let mut arrivals = all(&mut connection).await;
    let said = arrivals.iter().position(|what| *what == Incoming::Stderr(Bytes::from_static(b"wrong option")));
    arrivals.remove(said.expect("standard error arrives"));
    let end = [
        line("usage"),
        Incoming::Unterminated(Bytes::from_static(b"half")),
        Incoming::OutputClosed,
        exited(Some(3), None, ExitAfter::Nothing),
    ];
    assert_eq!(arrivals, end);
}

#[tokio::test]
async fn a_death_is_not_claimed_by_who_comes_late() {
    let mut connection = sh("echo $$; exec true", limits());
    let group = group(&mut connection).await;
    // The runtime gets no chance to notice the death before the connection is closed.
    let began = Instant::now();
    while runs(group) {
        assert!(began.elapsed() < HANGS);
        std::thread::yield_now();
    }
    assert_eq!(close(connection).await.last(), Some(&exited(Some(0), None, ExitAfter::Nothing)));
}

#[tokio::test]
async fn an_endless_line_is_cut_and_its_writer_ended() {
    let bounded = Limits { message: 1 << 20, ..patient() };
    let mut connection = sh("tr '\\0' x </dev/zero", bounded);
    let arrivals = all(&mut connection).await;
    assert_eq!(arrivals[0], Incoming::Cut(vec![b'x'; 1 << 20].into()));
    assert_eq!(arrivals[1], Incoming::LimitPassed("a line is longer than 1048576 bytes".to_owned()));
    assert!(
        matches!(arrivals[2..], [.., Incoming::Exited(Exit { after: ExitAfter::InputClosed, .. })]),
        "{arrivals:?}"
    );
}

#[tokio::test]
async fn a_gigabyte_is_not_read() {
    for (script, reason) in [
        ("yes | head -c 1000000000", "more than 20000 lines were received"),
        ("yes $(printf %010000d 0) | head -c 1000000000", "more than 33554432 bytes were received"),
    ] {
        let mut connection = sh(script, patient());
        let arrivals = all(&mut connection).await;
        let passed = arrivals.iter().position(|what| matches!(what, Incoming::LimitPassed(_))).expect("a bound");
        assert_eq!(arrivals[passed], Incoming::LimitPassed(reason.to_owned()));
        assert!(arrivals[..passed - 1].iter().all(|what| matches!(what, Incoming::Line(_))));
        assert!(matches!(arrivals.last(), Some(Incoming::Exited(_))));
    }
    assert!(peak_memory() < 100, "{} MB", peak_memory());
}

#[tokio::test]
async fn a_gigabyte_waits_for_a_harness_that_does_not_listen() {
    let mut connection = sh("echo $$; yes | head -c 1000000000", limits());
    let group = group(&mut connection).await;
    drop(connection);
    gone(group).await;
    assert!(peak_memory() < 100, "{} MB", peak_memory());
}

#[tokio::test]
async fn a_flood_of_standard_error_neither_slows_nor_bloats() {
    let script = "yes flood | head -c 300000000 >&2; echo last words >&2; read line; echo \"$line\"";
    let mut connection = sh(script, patient());
    send(&connection, "still there\n");
    let arrivals = all(&mut connection).await;
    assert!(arrivals.contains(&line("still there")));
    assert_eq!(arrivals.last(), Some(&exited(Some(0), None, ExitAfter::Nothing)));
    assert_eq!(arrivals.get(arrivals.len() - 2), Some(&Incoming::Stderr(Bytes::from_static(b"last words"))));
    let kept: usize = arrivals.iter().map(|what| if let Incoming::Stderr(line) = what { line.len() } else { 0 }).sum();
    assert!((limits().stderr / 4..=limits().stderr).contains(&kept), "{kept}");
    assert!(peak_memory() < 100, "{} MB", peak_memory());
}

#[tokio::test]
async fn who_does_not_read_blocks_nobody() {
    let mut connection = sh("echo ready; exec sleep 1000", limits());
    send(&connection, &"x".repeat(1 << 20));
    assert_eq!(next(&mut connection).await, Some(line("ready")));
    assert_eq!(close(connection).await.last(), Some(&exited(None, Some(15), ExitAfter::Terminated)));
}

#[tokio::test]
async fn who_closes_the_input_is_still_heard() {
    let mut connection = sh("exec <&-; echo closed; exec sleep 1000", limits());
    assert_eq!(next(&mut connection).await, Some(line("closed")));
    send(&connection, "into the void\n");
    send(&connection, "and again\n");
    assert_eq!(close(connection).await.last(), Some(&exited(None, Some(15), ExitAfter::Terminated)));
}

#[tokio::test]
async fn a_closed_output_is_told_while_the_process_lives() {
    let mut connection = sh("exec >&-; read line; exit 4", patient());
    assert_eq!(next(&mut connection).await, Some(Incoming::OutputClosed));
    send(&connection, "go\n");
    assert_eq!(all(&mut connection).await, [exited(Some(4), None, ExitAfter::Nothing)]);
}

#[tokio::test]
async fn who_ignores_sigterm_is_killed_with_all_descendants() {
    let mut connection = sh("trap '' TERM; sleep 1000 & sleep 1000 & echo $$; while :; do wait; done", limits());
    let group = group(&mut connection).await;
    assert!(runs(group));
    let end = [Incoming::OutputClosed, exited(None, Some(9), ExitAfter::Killed)];
    assert_eq!(close(connection).await, end);
    gone(group).await;
}

#[tokio::test]
async fn who_floods_on_the_way_out_is_ended_too() {
    let few = Limits { arrivals: 10, grace: Duration::from_millis(300), ..Limits::default() };
    let mut connection = sh("trap 'exec yes' TERM; echo ready; sleep 1000 & while :; do wait; done", few);
    assert_eq!(next(&mut connection).await, Some(line("ready")));
    let end = close(connection).await;
    assert!(end.contains(&Incoming::LimitPassed("more than 10 lines were received".to_owned())));
    assert!(
        matches!(end.last(), Some(Incoming::Exited(Exit { after: ExitAfter::Terminated, .. }))),
        "{:?}",
        end.last()
    );
}

#[tokio::test]
async fn descendants_that_hold_the_output_do_not_outlive_the_child() {
    let mut connection = sh("trap '' TERM; (echo last; exec sleep 1000) & echo $$; read line; exit 5", patient());
    let mut first = [next(&mut connection).await, next(&mut connection).await];
    first.sort_by_key(|what| *what == Some(line("last")));
    let Some(Incoming::Line(number)) = &first[0] else { panic!("no line came") };
    let group = Pid::from_raw(std::str::from_utf8(number).unwrap().parse().unwrap()).unwrap();
    send(&connection, "go\n");
    let end = [Incoming::OutputClosed, exited(Some(5), None, ExitAfter::Nothing)];
    assert_eq!(all(&mut connection).await, end);
    gone(group).await;
}

#[tokio::test]
async fn a_descendant_out_of_reach_does_not_hang_us() {
    // It leaves the group, and goes when the pipe on which it waits is closed: at the end of this test.
    let (wait, hold) = std::io::pipe().expect("a pipe");
    let fifo = format!("/proc/{}/fd/{}", std::process::id(), std::os::fd::AsRawFd::as_raw_fd(&wait));
    let mut connection = sh(&format!("exec 3<{fifo}; setsid sh -c 'echo away; exec cat' <&3 & read line"), limits());
    assert_eq!(next(&mut connection).await, Some(line("away")));
    send(&connection, "go\n");
    let arrivals = all(&mut connection).await;
    let reason = "standard output is held open by a process that outlives the target";
    assert_eq!(arrivals, [Incoming::Broken(reason.to_owned()), exited(Some(0), None, ExitAfter::Nothing)]);
    drop(hold);
}

#[test]
fn nothing_is_left_when_the_runtime_ends_first() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let group = runtime.block_on(async {
        let mut connection = sh("trap '' TERM; sleep 1000 & echo $$; read line; wait", patient());
        group(&mut connection).await
    });
    assert!(runs(group));
    drop(runtime);
    let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
    waiting.block_on(gone(group));
}

/// Waits until nothing of the group runs any more.
async fn gone(group: Pid) {
    let began = Instant::now();
    while runs(group) {
        assert!(began.elapsed() < HANGS, "something is left of group {group:?}");
        tokio::task::yield_now().await;
    }
}
