//! What a process holds: memory, file descriptors, children. Reads `/proc`, so that elsewhere nothing is ever suspected.

use std::fs;

/// What a process holds at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    /// Resident memory in bytes.
    pub(super) memory: u64,
    /// Open file descriptors.
    pub(super) files: u64,
    /// Processes that it has started and that are there, and theirs.
    pub(super) children: u64,
}

/// What grows without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growth {
    /// Resident memory.
    Memory,
    /// File descriptors.
    Files,
    /// Processes.
    Children,
}

/// Bytes of a page.
const PAGE: u64 = 4096;
/// By how much a process may grow in one conversation before its inputs are looked into one by one.
const MEMORY: u64 = 32 << 20;
const FILES: u64 = 48;
const CHILDREN: u64 = 12;
/// Growth for each repetition of an input, above which it is not what any allocator does with room to spare; and how many
/// times what was sent may be kept of it, since keeping what it is given is what many a server is for.
const EACH: u64 = 24 << 10;
const KEPT: u64 = 16;
/// Levels of children that are counted.
const LEVELS: usize = 8;

/// What a process holds now; `None` where that cannot be told.
pub(super) fn usage(process: u32) -> Option<Usage> {
    let pages = fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    let files = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |entries| entries.count() as u64);
    let mut usage = Usage { memory: resident * PAGE, files, children: 0 };
    let mut generation = vec![process];
    for _ in 0..LEVELS {
        generation = generation.into_iter().flat_map(children).collect();
        usage.children += generation.len() as u64;
        // A wrapper such as `npx` holds little itself; what it has started counts.
        for child in &generation {
            let pages = fs::read_to_string(format!("/proc/{child}/statm")).unwrap_or_default();
            let resident = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
            usage.memory += resident.unwrap_or_default() * PAGE;
            usage.files += fs::read_dir(format!("/proc/{child}/fd")).map_or(0, |entries| entries.count() as u64);
        }
    }
    Some(usage)
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// What has grown so much that it is worth a closer look.
pub(super) fn conspicuous(before: Usage, now: Usage) -> bool {
    now.memory > before.memory + MEMORY || now.files > before.files + FILES || now.children > before.children + CHILDREN
}

/// What grows steadily: `windows` are what a process held before and after ever longer runs of the same input, with the
/// length of each run. In all of them it must have grown.
pub(super) fn steady(windows: &[(u64, Usage, Usage)], sent: usize) -> Option<Growth> {
    let all = |of: fn(&Usage) -> u64, each: u64| {
        windows.iter().all(|(times, before, after)| of(after).saturating_sub(of(before)) >= times * each)
    };
    let half = |of: fn(&Usage) -> u64| {
        windows.iter().all(|(times, before, after)| of(after).saturating_sub(of(before)) * 2 >= *times)
    };
    if windows.is_empty() {
        None
    } else if half(|usage| usage.files) {
        Some(Growth::Files)
    } else if half(|usage| usage.children) {
        Some(Growth::Children)
    } else if all(|usage| usage.memory, EACH + KEPT * sent as u64) {
        Some(Growth::Memory)
    } else {
        None
    }
}

impl Growth {
    /// In words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "resident memory",
            Self::Files => "open file descriptors",
            Self::Children => "child processes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_stops_is_growth() {
        let at = |memory: u64, files: u64| Usage { memory, files, children: 0 };
        let mib = 1 << 20;
        let leak = [(400, at(0, 9), at(30 * mib, 9)), (800, at(30 * mib, 9), at(90 * mib, 9))];
        assert_eq!(steady(&leak, 100), Some(Growth::Memory));
        // As much as was sent is kept: a server that remembers.
        assert_eq!(steady(&leak, 10_000), None);
        let plateau = [(400, at(0, 9), at(30 * mib, 9)), (800, at(30 * mib, 9), at(31 * mib, 9))];
        assert_eq!(steady(&plateau, 100), None);
        let files = [(400, at(0, 9), at(0, 409)), (800, at(0, 409), at(0, 1209))];
        assert_eq!(steady(&files, 100), Some(Growth::Files));
        assert_eq!(steady(&[], 100), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_something() {
        let usage = usage(std::process::id()).expect("there is /proc");
        assert!(usage.memory > mib(1) && usage.files > 2, "{usage:?}");
    }

    #[cfg(target_os = "linux")]
    fn mib(count: u64) -> u64 {
        count << 20
    }
}
