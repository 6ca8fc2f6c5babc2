//! The HTML report in a real browser, opened as a file: what a person sees, filters by, and is safe from.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on says so by panicking, one that is skipped says so"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mcp_litmus::outcome::Event;
use mcp_litmus::report::{Format, Output, merge, read_events};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

#[test]
fn failures_are_seen_first_and_open_to_their_evidence() {
    let Some(page) = Page::of(&saved("saved")) else { return };
    let seen = page.opened("", "");
    assert!(seen.contains("does not conform: 2 failures in 2 revisions, 2 warnings"));
    assert_eq!(
        listed(&seen),
        [
            "jsonrpc.error.method-not-found",
            "jsonrpc.error.parse",
            "tools.name.format",
            "stdio.shutdown.exits",
            "resources.list.answered",
            "resources.read.answered",
            "logging.set-level.answered"
        ]
    );
    assert_eq!(
        seen.matches(">Actual<").count(),
        2,
        "the first is open, the evidence of others comes when it is asked for"
    );
    let closed = page.opened(
        "",
        "const shown = document.querySelector('#list details'); shown.addEventListener('toggle', show); shown.firstChild.click();",
    );
    assert!(!closed.contains("<details class=\"item\" open=\"\""), "and stays closed once it is closed");

    let opened = page.opened("", "");
    for text in [
        "an error with code -32601",
        "error code -32603",
        "scenarios/errors/unknown-method.yaml:9",
        "→ {\"jsonrpc\":\"2.0\",\"id\":7",
        "mcp-litmus run --revision 2025-06-18 --select 'errors/unknown-method#",
        "href=\"https://modelcontextprotocol.io/specification/2025-11-25/basic#responses\"",
    ] {
        assert!(opened.contains(text), "{text}");
    }
}

#[test]
fn filters_choose_by_verdict_level_area_and_text() {
    let Some(page) = Page::of(&saved("saved")) else { return };
    let chosen = |address: &str| listed(&page.opened(address, ""));
    let warnings = ["tools.name.format", "stdio.shutdown.exits"];
    assert_eq!(chosen("#verdict=w"), warnings);
    assert_eq!(chosen("#level=SHOULD"), warnings);
    assert_eq!(chosen("#text=exits+soon"), ["stdio.shutdown.exits"]);
    assert_eq!(chosen("#area=errors"), ["jsonrpc.error.method-not-found", "jsonrpc.error.parse"]);
    assert_eq!(chosen("#run=2025-06-18+stdio&verdict=w"), Vec::<String>::new());

    let clicked = |selector: &str| listed(&page.opened("", &format!("document.querySelector('{selector}').click();")));
    assert_eq!(clicked(".chip.p").len(), 7 + 4);
    assert_eq!(clicked(".chip.f").len(), 5);
    assert_eq!(clicked("#matrix td button.f"), ["jsonrpc.error.method-not-found", "jsonrpc.error.parse"]);
    let typed =
        "const box = document.querySelector('input'); box.value = 'watchers'; box.dispatchEvent(new Event('input'));";
    assert_eq!(listed(&page.opened("", typed)), ["tools.name.format"]);
}

#[test]
fn hostile_text_stays_text() {
    let Some(page) = Page::of(&saved("<img src=x onerror=alert(2)>\u{202e}\0")) else { return };
    let seen = page.opened("#open=tools.name.format", "");
    assert_eq!(seen.matches("<script").count(), 2 + 1, "the page's own, and this test's");
    assert!(!seen.contains("<img") && !seen.contains('\u{1b}') && !seen.contains('\u{202e}') && !seen.contains('\0'));
    for text in [
        "notes \\u{1b}[31m&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;/details&gt;&lt;img src=x onerror=alert(1)&gt;",
        "\\u{202e}gnp.exe",
        "&lt;img src=x onerror=alert(2)&gt;\\u{202e}\\0",
    ] {
        assert!(seen.contains(text), "{text}");
    }
}

#[test]
fn servers_stand_side_by_side() {
    let mut better = saved("better");
    better
        .retain(|e| !matches!(e, Event::Check { result } if ["fail", "inconclusive"].contains(&result.verdict.word())));
    let Some(page) = Page::of(&merge([saved("first"), better]).unwrap()) else { return };
    let seen = page.opened("", "");
    assert!(
        seen.contains("2 servers") && seen.contains("first, 2025-11-25 stdio: 3 failed") && !seen.contains("Areas of")
    );
    let chosen = page.opened("#server=better&verdict=fwips", "");
    assert!(chosen.contains("Areas of better"));
    assert_eq!(listed(&chosen).len(), 7);
}

#[test]
fn two_hundred_servers_are_shown() {
    let revisions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];
    let model = saved("model");
    let results: Vec<_> =
        model.iter().filter_map(|e| if let Event::Check { result } = e { Some(result) } else { None }).collect();
    let server = |number: usize| {
        let mut events = saved(&format!("server {number}"));
        let Some(Event::RunStarted { run, .. }) = events.get(1).cloned() else { panic!("no run") };
        events.truncate(1);
        for revision in revisions {
            let mut run = run.clone();
            run.revision = revision.to_owned();
            events.push(Event::RunStarted { run, checks: 600 });
            for check in 0..600 {
                let kind = if (check * 7 + number).is_multiple_of(40) { check % results.len() } else { 0 };
                let mut result = results[kind].clone();
                result.requirement = format!("made.up-{check}");
                result.id.scenario = format!("area-{}/scenario-{}", check % 20, check / 5);
                result.id.requirement.clone_from(&result.requirement);
                events.push(Event::Check { result });
            }
        }
        events
    };
    let Some(page) = Page::of(&merge((0..200).map(server)).unwrap()) else { return };
    let seen = page.opened("", "requestAnimationFrame(() => { document.title = Math.round(performance.now()); });");
    assert!(seen.contains("200 servers") && seen.contains("server 199, 2026-07-28 stdio"));
    let took: u32 = seen.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0.parse().unwrap();
    println!("200 servers are shown after {took} ms");
}

/// A report in a file, and a browser to open it with.
struct Page {
    browser: &'static str,
    text: String,
    folder: tempfile::TempDir,
}

impl Page {
    /// None where no browser is installed: then the test has said so.
    fn of(events: &[Event]) -> Option<Self> {
        let runs = |name: &&str| {
            Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let Some(browser) = BROWSERS.into_iter().find(runs) else {
            assert!(std::env::var_os("CI").is_none(), "no Chromium is installed, and CI is set");
            println!("skipped: no Chromium is installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let mut reporter = Format::Html.reporter(Output::File(path.clone()));
        events.iter().try_for_each(|event| reporter.event(event)).and_then(|()| reporter.finish()).unwrap();
        Some(Self { browser, text: fs::read_to_string(path).unwrap(), folder })
    }

    /// The page as it stands after it was opened at an address and a script of the test ran; without its data.
    fn opened(&self, address: &str, script: &str) -> String {
        let path = self.folder.path().join("opened.html");
        fs::write(&path, self.text.replace("</body>", &format!("<script>{script}</script></body>"))).unwrap();
        let output = Command::new(self.browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .arg(format!("--user-data-dir={}", self.folder.path().join("profile").display()))
            .arg(format!("file://{}{address}", path.display()))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        let (before, data) = page.split_once("id=\"data\">").expect("the page with its data");
        let (_, after) = data.split_once("</script>").unwrap();
        format!("{before}id=\"data\">{}", after.replacen(include_str!("../src/report/html/script.js"), "", 1))
    }
}

/// The requirements that the page lists.
fn listed(page: &str) -> Vec<String> {
    let found = page.split("<span class=\"id mono\">").skip(1);
    found.map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
}

/// The saved run, of a target of this name.
fn saved(name: &str) -> Vec<Event> {
    let mut events = read_events(Path::new("tests/data/events.jsonl")).unwrap();
    if let Some(Event::Started { target, .. }) = events.first_mut() {
        target.name = Some(name.to_owned());
    }
    events
}
