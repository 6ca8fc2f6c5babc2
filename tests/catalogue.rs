//! Holds every scenario against the built-in server: the correct one passes, each broken one reddens exactly its `fails`.
//!
//! `LITMUS_ONLY=area/name` in the environment looks at one scenario only; `LITMUS_PATIENCE=5` waits for broken servers for that
//! many seconds, where the machine is busy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use mcp_litmus::mock::http::Server;
use mcp_litmus::mock::{Features, Lines, Options, Quirk};
use mcp_litmus::outcome::{CheckResult, Event, Verdict, profile_of};
use mcp_litmus::protocol::{Era, Requirement, Revision};
use mcp_litmus::run::{Ledger, Plan, RunError, Selection, Settings, checks_of, proves, run};
use mcp_litmus::scenario::{Broken, Catalogue, Moment, Scenario};
use mcp_litmus::source::Secrets;
use mcp_litmus::survey::{CallPolicy, Calls};
use mcp_litmus::transport::{Limits, Peer, Target, UrlTarget};
use mcp_litmus::wire::TransportKind;

/// Transports on which the built-in server is tried.
const KINDS: [TransportKind; 3] = [TransportKind::Stdio, TransportKind::Http, TransportKind::Sse];
/// The token of a built-in server that wants one.
const TOKEN: &str = "open-sesame";
/// Runs at once in each thread: most of them wait.
const AT_ONCE: usize = 8;

/// One run of checks against one built-in server.
#[derive(Clone)]
struct Trial {
    revision: Revision,
    kind: TransportKind,
    options: Options,
    /// Scenarios that drive; watchers are always there.
    scenarios: Vec<String>,
    broken: Option<Broken>,
    /// Whether the token that the server wants is shown to it.
    authorized: bool,
    /// How long an answer may take.
    patience: Duration,
}

/// A broken server may keep silent, and is not waited for; unless it turns out other than it should, for which the machine may
/// have been too busy.
const IMPATIENT: Duration = Duration::from_secs(1);
/// The correct server answers, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(20);

#[test]
fn the_correct_server_passes_every_check() {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    let mut passed: BTreeSet<(String, Revision, TransportKind)> = BTreeSet::new();
    let mut faults = String::new();
    let mut trials = Vec::new();
    for kind in KINDS {
        for revision in Revision::ALL.into_iter().filter(|r| kind != TransportKind::Sse || r.era() == Era::Handshake) {
            let all = Options::default();
            let small = Options { features: Features::ToolsOnly, ..Options::default() };
            let bare = Options { features: Features::Nothing, ..Options::default() };
            // One that keeps to itself is of interest to few.
            let reserved = Options { lists_tasks: false, token: Some(TOKEN.to_owned()), ..Options::default() };
            let servers =
                [(all, &["*"][..]), (small, &["*"]), (bare, &["*"]), (reserved, &["auth/*", "security/*", "tasks/*"])];
            let shown =
                Options { token: Some(TOKEN.to_owned()), quirks: vec![Quirk::ShowsItself], ..Options::default() };
            // So is one that speaks this revision only.
            let lone = Options { revisions: vec![revision], ..Options::default() };
            let servers = servers.into_iter().chain([(lone, &["http/*"][..]), (shown, &["caching/*"])]);
            for (options, scenarios) in servers {
                let scenarios = scenarios.iter().map(|&scenario| scenario.to_owned()).collect();
                let (broken, patience) = (None, PATIENT);
                trials.push(Trial { revision, kind, options, scenarios, broken, authorized: true, patience });
            }
        }
    }
    for (trial, results) in try_all(&catalogue, &trials) {
        for result in results {
            let id = result.id.to_string();
            match &result.verdict {
                Verdict::Pass => drop(passed.insert((id, trial.revision, trial.kind))),
                Verdict::Skipped { .. } => {}
                verdict => {
                    let _ = writeln!(faults, "{} {}: {id}: {verdict:#?}", trial.revision, trial.kind);
                }
            }
        }
    }
    for kind in KINDS {
        for revision in Revision::ALL {
            let plan = Plan::new(&catalogue, &selection(&only()), revision, kind);
            for check in plan.checks {
                if !passed.contains(&(check.id.to_string(), revision, kind)) {
                    let _ = writeln!(faults, "{revision} {kind}: {}: never passes on a correct server", check.id);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn every_broken_server_is_caught_for_exactly_what_it_does() {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    let mut trials = Vec::new();
    let mut faults = String::new();
    // What some broken server reddens: (scenario, requirement) → revisions.
    let mut reddened: BTreeMap<(String, String), BTreeSet<Revision>> = BTreeMap::new();
    for scenario in catalogue.scenarios().iter().filter(|scenario| is_wanted(scenario)) {
        let broken = catalogue.broken(&scenario.id).unwrap_or_else(|e| panic!("{}: {e}", scenario.id));
        for one in broken {
            let before = trials.len();
            for kind in KINDS {
                for revision in revisions_to_try(&one, scenario, kind) {
                    let features = if one.tools_only { Features::ToolsOnly } else { Features::All };
                    let wants_token = scenario.needs.all.iter().any(|name| name == "authorization");
                    let token = wants_token.then(|| TOKEN.to_owned());
                    let revisions = one.speaks.clone().unwrap_or_else(|| Revision::ALL.to_vec());
                    let options = Options { features, token, revisions, ..Options::default() };
                    let mut scenarios = one.during.clone();
                    scenarios.push(scenario.id.clone());
                    trials.push(Trial {
                        revision,
                        kind,
                        options,
                        scenarios,
                        broken: Some(one.clone()),
                        authorized: true,
                        patience: IMPATIENT,
                    });
                }
            }
            if trials.len() == before
                && KINDS.iter().any(|kind| one.transports.as_ref().is_none_or(|t| t.contains(kind)))
            {
                let _ = writeln!(faults, "{}:{}: makes sense nowhere", one.file.display(), one.line);
            }
        }
    }
    let (surprises, mut tried): (Vec<_>, Vec<_>) =
        try_all(&catalogue, &trials).into_iter().partition(|(trial, results)| surprise(trial, results).is_some());
    let again: Vec<_> = surprises.into_iter().map(|(trial, _)| Trial { patience: PATIENT, ..trial }).collect();
    tried.extend(try_all(&catalogue, &again));
    let broken = trials.iter().filter_map(|trial| trial.broken.as_ref());
    let idle = broken.filter(|one| one.when != Moment::Always && !one.happened.load(Ordering::Relaxed));
    let idle: BTreeSet<_> = idle.map(|one| format!("{}:{}: never happens\n", one.file.display(), one.line)).collect();
    faults.extend(idle);
    for (trial, results) in tried {
        let own = trial.scenarios.last().cloned().unwrap_or_default();
        for result in results.iter().filter(|result| result.id.scenario == own && is_failure(result)) {
            reddened.entry((own.clone(), result.requirement.clone())).or_default().insert(trial.revision);
        }
        faults.extend(surprise(&trial, &results));
    }
    for scenario in catalogue.scenarios().iter().filter(|scenario| is_wanted(scenario)) {
        for requirement in proves(scenario) {
            let entry = Requirement::find(requirement).expect("the loader has checked it");
            for revision in Revision::ALL {
                let planned = KINDS.iter().any(|&kind| {
                    let plan = Plan::new(&catalogue, &selection(std::slice::from_ref(&scenario.id)), revision, kind);
                    entry.applies(revision, kind)
                        && plan
                            .checks
                            .iter()
                            .any(|check| check.id.scenario == scenario.id && check.id.requirement == requirement)
                });
                let caught = reddened.get(&(scenario.id.clone(), requirement.to_owned()));
                if planned && !caught.is_some_and(|revisions| revisions.contains(&revision)) {
                    let _ = writeln!(faults, "{}: no broken server fails {requirement} in {revision}", scenario.id);
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn a_server_that_wants_a_token_is_judged_by_how_it_refuses() {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    let options = Options { token: Some(TOKEN.to_owned()), ..Options::default() };
    let revisions = [Revision::V2025_03_26, Revision::V2025_11_25, Revision::V2026_07_28];
    let everything = vec!["*".to_owned()];
    let trials = revisions.map(|revision| Trial {
        revision,
        kind: TransportKind::Http,
        options: options.clone(),
        scenarios: everything.clone(),
        broken: None,
        authorized: false,
        patience: PATIENT,
    });
    for (trial, results) in try_all(&catalogue, &trials) {
        let mut passed = 0;
        for result in results {
            match result.verdict {
                Verdict::Pass => {
                    passed += 1;
                    assert_eq!(result.id.scenario.split('/').next(), Some("auth"), "{}: {}", trial.revision, result.id);
                }
                Verdict::Skipped { .. } => {}
                verdict => panic!("{}: {}: {verdict:#?}", trial.revision, result.id),
            }
        }
        assert!(passed > 5, "{}: {passed} passed", trial.revision);
    }
}

#[test]
fn every_case_has_a_check() {
    let catalogue = Catalogue::built_in().expect("the built-in scenarios load");
    for (index, scenario) in catalogue.scenarios().iter().enumerate() {
        assert!(!checks_of(scenario, index).is_empty(), "{} proves nothing", scenario.id);
    }
}

/// What came of a server other than what stands in its file: each requirement that it must fail and did not, or the other way
/// round. One that is only unusual must fail nothing, and pass, or not be judged by, what it is there for.
fn surprise(trial: &Trial, results: &[CheckResult]) -> Option<String> {
    let broken = trial.broken.as_ref()?;
    // What clients and providers are known to refuse is asked of no server but those that are broken in just that.
    let of_profiles =
        [&broken.fails, &broken.passes, &broken.leaves_open].into_iter().flatten().any(|id| profile_of(id).is_some());
    let counts =
        |result: &&CheckResult| is_failure(result) && (of_profiles || profile_of(&result.requirement).is_none());
    let failed: BTreeSet<_> = results.iter().filter(counts).map(|r| &r.requirement).collect();
    // Where the specification leaves silence open, nobody who keeps silent can pass.
    let is_excused = |result: &CheckResult| match result.verdict {
        Verdict::Pass => true,
        Verdict::Skipped { .. } => broken.silent,
        _ => false,
    };
    let passed: BTreeSet<_> = results.iter().filter(|result| is_excused(result)).map(|r| &r.requirement).collect();
    let wanted: BTreeSet<_> = broken.fails.iter().collect();
    let mut not_so: BTreeSet<_> = broken.passes.iter().filter(|id| !passed.contains(id)).collect();
    let is_open = |id: &&String| {
        let mut of_it = results.iter().filter(|result| result.requirement == **id).peekable();
        of_it.peek().is_some() && of_it.all(|result| !matches!(result.verdict, Verdict::Pass | Verdict::Fail { .. }))
    };
    not_so.extend(broken.leaves_open.iter().filter(|id| !is_open(id)));
    if failed == wanted && not_so.is_empty() {
        return None;
    }
    let place = format!("{}:{} ({}, {})", broken.file.display(), broken.line, trial.revision, trial.kind);
    let mut text = format!("{place}\n  wanted {wanted:?}\n  failed {failed:?}\n  not as it must be {not_so:?}\n");
    for result in results {
        let requirement = &result.requirement;
        if failed.contains(requirement) != wanted.contains(requirement) || not_so.contains(requirement) {
            let _ = writeln!(text, "    {}: {:?}", result.id, result.verdict);
        }
    }
    Some(text)
}

fn is_failure(result: &CheckResult) -> bool {
    matches!(result.verdict, Verdict::Fail { .. })
}

/// The revisions in which a broken server is tried over a transport: all in which it makes sense; but what is caught on
/// stdio already is tried over the others in the newest only.
fn revisions_to_try(broken: &Broken, scenario: &Scenario, kind: TransportKind) -> Vec<Revision> {
    let sensible =
        |kind| Revision::ALL.into_iter().filter(move |&revision| broken.makes_sense(scenario, revision, kind));
    let on_stdio: Vec<_> = sensible(TransportKind::Stdio).collect();
    let newest = sensible(kind).max();
    sensible(kind)
        .filter(|revision| kind == TransportKind::Stdio || Some(*revision) == newest || !on_stdio.contains(revision))
        .collect()
}

fn is_wanted(scenario: &Scenario) -> bool {
    std::env::var("LITMUS_ONLY")
        .map_or(true, |wanted| scenario.id == wanted || scenario.id.starts_with(&format!("{wanted}/")))
}

fn only() -> Vec<String> {
    std::env::var("LITMUS_ONLY").map_or_else(|_| vec!["*".to_owned()], |wanted| vec![wanted])
}

fn selection(scenarios: &[String]) -> Selection {
    let profiles = Requirement::all().iter().filter_map(|requirement| profile_of(&requirement.id));
    Selection::new(scenarios, &[]).expect("ids are patterns").with_profiles(profiles.map(str::to_owned))
}

/// Runs trials in two threads, several at once in each.
fn try_all(catalogue: &Catalogue, trials: &[Trial]) -> Vec<(Trial, Vec<CheckResult>)> {
    let halves: Vec<Vec<Trial>> = (0..2).map(|n| trials.iter().skip(n).step_by(2).cloned().collect()).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = halves
            .into_iter()
            .map(|trials| {
                scope.spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                    runtime.block_on(
                        futures_util::stream::iter(trials)
                            .map(|trial| async move {
                                let results = try_one(catalogue, &trial).await;
                                (trial, results)
                            })
                            .buffer_unordered(AT_ONCE)
                            .collect::<Vec<_>>(),
                    )
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no trial panics")).collect()
    })
}

/// The built-in server of a trial: in memory, or listening for as long as the server is kept.
fn target(trial: &Trial) -> (Target, Option<Server>) {
    let (options, broken) = (trial.options.clone(), trial.broken.clone());
    if trial.kind == TransportKind::Stdio {
        let lines = move || -> Box<dyn Peer> {
            Box::new(Lines::new(options.clone(), broken.clone()).expect("quirks are known"))
        };
        return (Target::Memory(Arc::new(lines)), None);
    }
    let address = ([127, 0, 0, 1], 0).into();
    let server = Server::start(address, options, broken).expect("loopback has a free port");
    let url = if trial.kind == TransportKind::Http { server.url() } else { server.sse_url() };
    let authorization = |token: &String| ("Authorization".to_owned(), format!("Bearer {token}"));
    let headers = trial.options.token.iter().filter(|_| trial.authorized).map(authorization).collect();
    let url = UrlTarget { headers, ..UrlTarget::new(url.parse().expect("a URL")) };
    (Target::Url(url), Some(server))
}

async fn try_one(catalogue: &Catalogue, trial: &Trial) -> Vec<CheckResult> {
    let watchers = catalogue.scenarios().iter().filter(|scenario| scenario.is_watcher()).map(|s| s.id.clone());
    let mut selected = trial.scenarios.clone();
    selected.extend(watchers);
    let (target, server) = target(trial);
    let settings = Settings {
        target,
        info: mcp_litmus::outcome::TargetInfo::default(),
        words: Vec::new(),
        revisions: vec![trial.revision],
        selection: selection(&selected),
        calls: Calls { policy: CallPolicy::All, ..Calls::default() },
        secrets: Secrets::default(),
        jobs: 4,
        timeout: trial.patience,
        start_timeout: trial.patience,
        seed: 0,
        limits: Limits { grace: Duration::from_millis(300), ..Limits::default() },
        started_at: None,
        transcripts: None,
    };
    let (events, mut received) = tokio::sync::mpsc::unbounded_channel();
    let ledger = Ledger::new(events);
    match run(&settings, catalogue, &ledger).await {
        Ok(()) => ledger.finish(false),
        // A broken server may be so broken that it speaks no revision: then nothing is judged.
        Err(RunError::NotSpoken { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    drop((ledger, server));
    let mut results = Vec::new();
    while let Some(event) = received.recv().await {
        if let Event::Check { result } = event {
            results.push(*result);
        }
    }
    results
}
