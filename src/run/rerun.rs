//! The command that reruns one check, to be pasted into a shell.

use crate::outcome::CheckId;
use crate::protocol::Revision;

/// A command line for a POSIX shell. `words` name the target, with the options that it needs.
pub(super) fn rerun(words: &[String], revision: Revision, id: &CheckId) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    let line = format!("mcp-litmus run --revision {revision} --select {} {}", quoted(&id.to_string()), words.join(" "));
    line.trim_end().to_owned()
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
        let words = ["--env", "A=b c", "--", "node", "it's.js"].map(str::to_owned);
        let id = CheckId::new("a/b", "c.d", Some("x"));
        assert_eq!(
            rerun(&words, Revision::V2025_06_18, &id),
            r"mcp-litmus run --revision 2025-06-18 --select 'a/b#c.d[x]' --env 'A=b c' -- node 'it'\''s.js'"
        );
    }
}
