//! The command that reruns one check, to be pasted into a shell.

use crate::outcome::{CheckId, TargetInfo};
use crate::protocol::Revision;

/// A command line for a POSIX shell.
pub(super) fn rerun(target: &TargetInfo, revision: Revision, id: &CheckId) -> String {
    let select = format!("mcp-litmus run --revision {revision} --select {}", quoted(&id.to_string()));
    match (&target.command, &target.url) {
        (Some(command), _) => {
            let command: Vec<_> = command.iter().map(|word| quoted(word)).collect();
            format!("{select} -- {}", command.join(" "))
        }
        (None, Some(url)) => format!("{select} --url {}", quoted(url)),
        (None, None) => format!("{select} --demo"),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_see_more() {
        let target = TargetInfo { command: Some(vec!["node".into(), "it's.js".into()]), ..TargetInfo::default() };
        let id = CheckId::new("a/b", "c.d", Some("x"));
        assert_eq!(
            rerun(&target, Revision::V2025_06_18, &id),
            r"mcp-litmus run --revision 2025-06-18 --select 'a/b#c.d[x]' -- node 'it'\''s.js'"
        );
    }
}
