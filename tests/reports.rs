//! Every report format over one saved file of events, as a person or a CI system gets it. Starts no server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking, one that is skipped says so")]

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;

use mcp_litmus::outcome::Event;
use mcp_litmus::report::{Detail, EventFile, Format, Look, Output, Reporter, Terminal, merge, read_events};
use serde_json::Value;

const EVENTS: &str = "tests/data/events.jsonl";

macro_rules! snapshot {
    ($name:expr, $text:expr) => {
        insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true},
            { insta::assert_snapshot!($name, $text) })
    };
}

#[test]
fn terminal() {
    snapshot!("report-terminal", terminal_report(&events(), PLAIN));
}

#[test]
fn terminal_verbose_in_colour() {
    let look = Look { detail: Detail::Verbose, colour: true, width: 100, ..PLAIN };
    snapshot!("report-terminal-verbose", terminal_report(&events(), look).replace('\x1b', "␛"));
}

#[test]
fn terminal_quiet() {
    snapshot!("report-terminal-quiet", terminal_report(&events(), Look { detail: Detail::Quiet, ..PLAIN }));
}

#[test]
fn terminal_several_servers() {
    snapshot!("report-terminal-servers", terminal_report(&servers(), PLAIN));
}

#[test]
fn terminal_without_colour_is_plain_and_fits() {
    let text = terminal_report(&servers(), PLAIN);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    let copied = |line: &&str| !line.starts_with("  spec") && !line.starts_with("  rerun");
    for line in text.lines().filter(copied) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn junit() {
    let text = report(Format::Junit, &events());
    assert!(text.chars().all(is_xml), "a character that XML 1.0 forbids");
    snapshot!("report-junit", text.replace("><", ">\n<"));
}

#[test]
fn json() {
    snapshot!("report-json", report(Format::Json, &events()));
}

#[test]
fn sarif() {
    snapshot!("report-sarif", report(Format::Sarif, &events()));
}

#[test]
fn sarif_results_point_to_their_rules_and_are_told_apart() {
    let log: Value = serde_json::from_str(&report(Format::Sarif, &servers())).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    let mut fingerprints = std::collections::HashSet::new();
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().unwrap().contains("https://modelcontextprotocol.io/"));
        assert!(fingerprints.insert(result["partialFingerprints"].to_string()), "{result:#}");
        assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64() > Some(0));
    }
    assert_eq!(results.len(), 8);
}

#[test]
fn codequality() {
    snapshot!("report-codequality", report(Format::Codequality, &events()));
}

#[test]
fn markdown() {
    snapshot!("report-markdown", report(Format::Markdown, &events()));
}

#[test]
fn markdown_several_servers() {
    snapshot!("report-markdown-servers", report(Format::Markdown, &servers()));
}

#[test]
fn html_data() {
    let page = report(Format::Html, &servers());
    let data: Value = serde_json::from_str(html_data_of(&page)).unwrap();
    snapshot!("report-html-data", serde_json::to_string_pretty(&data).unwrap());
}

#[test]
fn html_is_one_file_in_which_hostile_text_is_text() {
    let page = report(Format::Html, &servers());
    let data = html_data_of(&page);
    assert!(!data.contains('<') && data.chars().all(|c| !c.is_control() && c != '\u{202e}'));
    assert_eq!(page.matches("<script").count(), 2);
    for outside in ["<link", "src=\"", "@import", "url(", "innerHTML", "fetch("] {
        assert!(!page.replace(data, "").contains(outside), "{outside}");
    }
}

#[test]
fn failures_that_are_expected_are_told_apart_in_every_format() {
    let look = Look { detail: Detail::Normal, ..PLAIN };
    let formats = [Format::Junit, Format::Sarif, Format::Markdown];
    let mut pages = terminal_report(&expected(), look);
    for format in formats {
        let page = report(format, &expected()).replace("><", ">\n<");
        let known = |line: &&str| {
            ["upstream", "litmus-baseline", "expected fail", "Expected fail"].iter().any(|word| line.contains(word))
        };
        let lines: Vec<_> = page.lines().filter(known).map(str::trim).collect();
        pages += &format!("\n== {format}\n{}\n", lines.join("\n"));
    }
    snapshot!("report-expected", pages);
    let page = report(Format::Html, &expected());
    let data: Value = serde_json::from_str(html_data_of(&page)).unwrap();
    assert!(data["servers"][0]["runs"][0]["verdicts"].as_str().unwrap().contains('x'), "{data:#}");
    let json: Value = serde_json::from_str(&report(Format::Json, &expected())).unwrap();
    assert_eq!(json["runs"][0]["results"][1]["expected"], "known upstream, see <issue 7>");
    assert_eq!(json["stale"], serde_json::json!(["litmus-baseline.yaml:7: `tools` fails no more"]));
}

#[test]
fn json_is_what_its_schema_promises() {
    let schema: Value = serde_json::from_str(&fs::read_to_string("schemas/report.schema.json").unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let partial = events().into_iter().take(9).collect();
    for events in [events(), servers(), expected(), partial, Vec::new()] {
        let report: Value = serde_json::from_str(&report(Format::Json, &events)).unwrap();
        let errors: Vec<_> = validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn a_json_report_tells_all_that_the_events_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    for told in [merge([events()]).unwrap(), merge([servers()]).unwrap(), merge([expected()]).unwrap()] {
        fs::write(&path, report(Format::Json, &told)).unwrap();
        assert_eq!(report(Format::Json, &read_events(&path).unwrap()), report(Format::Json, &told));
    }
}

#[test]
fn events_are_written_as_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let mut file = Box::new(EventFile::create(&Output::File(path.clone())).unwrap());
    for event in events() {
        file.event(&event).unwrap();
        file.event(&Event::Progress { done: 1, checks: 2, scenario: "a/b".to_owned() }).unwrap();
    }
    file.finish().unwrap();
    assert_eq!(read_events(&path).unwrap(), events());
}

#[test]
fn shards_merge_to_the_whole() {
    let (checks, frame): (Vec<_>, Vec<_>) = events().into_iter().partition(|e| matches!(e, Event::Check { .. }));
    let in_run = |revision: &str, event: &Event| match event {
        Event::Check { result } => result.spec.contains(revision),
        _ => false,
    };
    let shard = |part: usize| -> Vec<Event> {
        let mut shard = Vec::new();
        for event in &frame {
            shard.push(event.clone());
            if let Event::RunStarted { run, .. } = event {
                let own = checks.iter().filter(|check| in_run(&run.revision, check)).enumerate();
                shard.extend(own.filter(|(index, _)| (index * 3 / 16) == part).map(|(_, check)| check.clone()));
            }
        }
        shard
    };
    let runs = |events: &[Event]| {
        let mut report: Value = serde_json::from_str(&report(Format::Json, events)).unwrap();
        report["runs"].take()
    };
    let merged = merge([shard(0), shard(1), shard(2)]).unwrap();
    assert_eq!(runs(&merged), runs(&events()));
}

#[test]
fn nights_merge_to_the_worst_and_say_so() {
    let mut night = events();
    for event in &mut night {
        if let Event::Check { result } = event {
            result.verdict = mcp_litmus::outcome::Verdict::Pass;
        }
    }
    let merged = merge([night, events()]).unwrap();
    let Some(Event::Finished { notes, .. }) = merged.last() else { panic!("no end") };
    assert!(notes.iter().any(|note| note.contains("came more than once with different verdicts")), "{notes:?}");
    let fails = merged.iter().filter(|e| matches!(e, Event::Check { result } if result.verdict.word() == "fail"));
    assert_eq!(fails.count(), 8);
}

#[test]
fn a_file_that_ends_too_early_is_partial() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let whole = fs::read_to_string(EVENTS).unwrap();
    for length in [whole.len() / 2, whole.len() - 2, whole.rfind("{\"event\"").unwrap()] {
        fs::write(&path, &whole.as_bytes()[..length]).unwrap();
        let events = read_events(&path).unwrap();
        assert!(matches!(events.last(), Some(Event::Finished { partial: true, .. })), "{:?}", events.last());
        assert!(terminal_report(&events, PLAIN).contains("interrupted"));
        for format in Format::ALL {
            let text = report(format, &events);
            assert!(text.contains("interrupted") || text.contains("\"partial\": true"), "{format}: {text}");
        }
    }
}

#[test]
fn mistakes_in_a_file_name_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let message = |content: &str| {
        let path = folder.path().join("night.jsonl");
        fs::write(&path, content).unwrap();
        read_events(&path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "FOLDER")
    };
    let first = fs::read_to_string(EVENTS).unwrap().lines().next().unwrap().to_owned();
    let messages = [
        message(""),
        message("hello\n"),
        message(&format!("{first}\n{{\"event\": \"lunch\"}}\n{first}\n")),
        message(&format!("{first}\n\n{{\"event\": \n{first}\n")),
        message("{\"event\":\"finished\",\"partial\":false,\"duration_ms\":1}\n"),
        message("{\n  \"runs\": 3\n}\n"),
        read_events(Path::new("no-such-file.jsonl")).unwrap_err().to_string(),
    ];
    snapshot!("report-read-errors", messages.join("\n"));
}

#[test]
fn markdown_fits_a_comment() {
    let mut many = events();
    let failed = |e: &&Event| matches!(e, Event::Check { result } if result.verdict.word() == "fail");
    let model = many.iter().find(failed).cloned().unwrap();
    for number in 0..500 {
        let mut copy = model.clone();
        if let Event::Check { result } = &mut copy {
            result.requirement = format!("tools.made-up-{number}");
            result.id.requirement.clone_from(&result.requirement);
            result.statement = "`日本` <b>".repeat(100);
        }
        many.insert(3, copy);
    }
    let text = report(Format::Markdown, &many);
    assert!((40_000..60_000).contains(&text.chars().count()), "{}", text.chars().count());
    assert!(text.contains("that this page has no room for") && text.contains("| 2025-11-25 stdio |"));
    assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
}

#[test]
fn hundreds_of_servers_fit_a_comment() {
    let server = |number: usize| {
        let mut server = events();
        if let Some(Event::Started { target, .. }) = server.first_mut() {
            target.name = Some(format!("server {number} {}", "of a long name ".repeat(5)));
        }
        if let (Some(Event::Finished { not_reached, .. }), true) = (server.last_mut(), number.is_multiple_of(3)) {
            *not_reached = Some("nobody answers ".repeat(50));
        }
        if number.is_multiple_of(3) {
            server.drain(1..server.len() - 1);
        }
        server
    };
    let text = report(Format::Markdown, &merge((0..500).map(server)).unwrap());
    assert!((30_000..60_000).contains(&text.chars().count()), "{}", text.chars().count());
    assert!(
        text.starts_with(
            "## ❌ MCP conformance: 333 of 500 servers do not conform: 2 failures in 2 revisions, 167 were not reached"
        ),
        "{text}"
    );
    assert!(text.contains("server 1 ") && text.contains("method-not-found"), "{text}");
}

#[test]
fn progress_is_one_line_that_is_wiped_out() {
    let look = Look { progress: true, width: 30, ..PLAIN };
    let mut told = events();
    told.insert(3, Event::Progress { done: 3, checks: 120, scenario: "errors/unknown-method-of-a-kind".to_owned() });
    let text = terminal_report(&told, look);
    let (progress, rest) = text.split_once("\r\x1b[K").unwrap().1.split_once("\r\x1b[K").unwrap();
    assert_eq!(progress, "2025-06-18 stdio  3/120");
    assert!(rest.starts_with("notes "), "{rest}");
}

const PLAIN: Look = Look { width: 80, colour: false, progress: false, detail: Detail::Normal };

fn events() -> Vec<Event> {
    read_events(Path::new(EVENTS)).unwrap()
}

/// Three servers: the saved one, one that is better, one that was interrupted.
fn servers() -> Vec<Event> {
    let named = |name: &str| {
        let mut events = events();
        if let Some(Event::Started { target, .. }) = events.first_mut() {
            target.name = Some(name.to_owned());
        }
        events
    };
    let mut better = named("better");
    better
        .retain(|e| !matches!(e, Event::Check { result } if ["fail", "inconclusive"].contains(&result.verdict.word())));
    let mut short = named("interrupted \x1b[31m");
    short.truncate(12);
    merge([named("saved"), better, short]).unwrap()
}

/// The saved run beside a baseline that expects every failure in `errors`, and one that is there no more.
fn expected() -> Vec<Event> {
    let mut events = events();
    for event in &mut events {
        match event {
            Event::Check { result } if result.id.area() == "errors" && result.verdict.word() == "fail" => {
                result.expected = Some("known upstream, see <issue 7>".to_owned());
            }
            Event::Finished { stale, .. } => stale.push("litmus-baseline.yaml:7: `tools` fails no more".to_owned()),
            _ => {}
        }
    }
    events
}

fn html_data_of(page: &str) -> &str {
    let start = "<script type=\"application/json\" id=\"data\">";
    page.split_once(start).unwrap().1.split_once("</script>").unwrap().0
}

fn terminal_report(events: &[Event], look: Look) -> String {
    let text = Shared::default();
    fill(Box::new(Terminal::new(Box::new(text.clone()), look)), events);
    String::from_utf8(text.0.take()).unwrap()
}

fn report(format: Format, events: &[Event]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    fill(format.reporter(Output::File(path.clone())), events);
    fs::read_to_string(path).unwrap()
}

fn fill(mut reporter: Box<dyn Reporter>, events: &[Event]) {
    for event in events {
        reporter.event(event).unwrap();
    }
    reporter.finish().unwrap();
}

fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
