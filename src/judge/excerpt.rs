//! The lines of a transcript that show a failure. Clips, never escapes: that is for whoever prints.

use crate::session::{Entry, Transcript, What};
use crate::transport::{Incoming, telling_line};
use crate::wire::Kind;

use super::compare::clipped;

/// Lines at most, and characters of each.
const LINES: usize = 10;
const WIDTH: usize = 400;
/// How a line of standard error begins.
const STDERR: &str = "· standard error: ";

/// Entries `from..=to` as lines: `→` sent, `←` received, `·` happened. Where there are too many, the first and the last.
pub fn excerpt(transcript: &Transcript, from: usize, to: usize) -> Vec<String> {
    let entries = transcript.entries();
    let end = entries.len().min(to + 1);
    let entries = &entries[from.min(end)..end];
    let mut lines: Vec<_> = entries.iter().filter_map(line).collect();
    if lines.len() > LINES {
        // Notifications are what there can be many of, and what is rarely the point.
        let told = entries.iter().filter(|entry| !(entry.is_from_server() && entry.carries(Kind::Notification)));
        let without: Vec<_> = told.filter_map(line).collect();
        let left_out = lines.len() - without.len();
        lines = without;
        if left_out > 0 {
            lines.push(format!("· {left_out} notifications left out"));
        }
    }
    if lines.len() > LINES {
        lines = without_idle_words(lines);
    }
    if lines.len() <= LINES {
        return lines;
    }
    let left_out = lines.len() - LINES + 1;
    let mut shown = lines[..2].to_vec();
    shown.push(format!("· {left_out} lines left out"));
    shown.extend_from_slice(&lines[lines.len() - (LINES - 3)..]);
    shown
}

/// Leaves one line of standard error, that which tells most, where one does.
fn without_idle_words(mut lines: Vec<String>) -> Vec<String> {
    let words: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(STDERR)).collect();
    let Some(told) = telling_line(&words).map(|line| format!("{STDERR}{line}")) else { return lines };
    let left_out = words.len() - 1;
    let mut is_left = false;
    lines.retain(|line| !line.starts_with(STDERR) || (*line == told && !std::mem::replace(&mut is_left, true)));
    if left_out > 0 {
        lines.push(format!("· {left_out} lines of standard error left out"));
    }
    lines
}

/// One entry as a line; `None` for what tells nothing.
pub(super) fn line(entry: &Entry) -> Option<String> {
    Some(match &entry.what {
        What::Wrote { bytes, .. } => format!("→ {}", text(bytes.strip_suffix(b"\n").unwrap_or(bytes))),
        What::ClosedInput => "· standard input closed".to_owned(),
        What::Requested { request, .. } => {
            let path = request.path.as_deref().unwrap_or_default();
            let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            format!("→ {} {path} [{}] {}", request.method, clipped(&headers.join(", "), WIDTH), text(&request.body))
        }
        What::RequestedRaw(bytes) => format!("→ {}", text(bytes)),
        What::Withheld(reason) => format!("· not sent: {reason}"),
        What::Abandoned => "· exchange closed by the harness".to_owned(),
        What::Mark(_) | What::Received(Incoming::End) => return None,
        What::Received(incoming) => received(incoming),
    })
}

fn received(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Line(bytes) | Incoming::Body(bytes) => format!("← {}", text(bytes)),
        Incoming::Cut(bytes) => format!("← {} (cut)", text(bytes)),
        Incoming::Unterminated(bytes) => format!("← {} (no newline)", text(bytes)),
        Incoming::Stderr(bytes) => format!("{STDERR}{}", text(bytes)),
        Incoming::OutputClosed => "· standard output closed".to_owned(),
        Incoming::Exited(exit) => match (exit.code, exit.signal) {
            (Some(code), _) => format!("· exited with code {code}"),
            (_, Some(signal)) => format!("· ended by signal {signal}"),
            _ => "· ended".to_owned(),
        },
        Incoming::Head { status, headers } => {
            let shown = ["content-type", "mcp-session-id", "www-authenticate", "allow"];
            let headers: Vec<_> = headers
                .iter()
                .filter(|(name, _)| shown.contains(&name.as_str()))
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            format!("← HTTP {status} [{}]", clipped(&headers.join(", "), WIDTH))
        }
        Incoming::Event { data, .. } => format!("← event {}", data.as_deref().map(text).unwrap_or_default()),
        Incoming::End => "· end of the answer".to_owned(),
        Incoming::Broken(reason) | Incoming::LimitPassed(reason) => format!("· {reason}"),
    }
}

fn text(bytes: &[u8]) -> String {
    clipped(&String::from_utf8_lossy(bytes), WIDTH)
}
