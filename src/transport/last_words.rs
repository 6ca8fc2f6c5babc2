//! Finds, in what a program wrote to standard error, the line that tells why it ended.

/// Lines at the end that are looked at.
const LAST: usize = 40;

/// The line among a program's last words that tells most: of a panic, else of an error; `None` where no line looks like either.
pub fn telling_line<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let last = &lines[lines.len().saturating_sub(LAST)..];
    let newest = |is_it: fn(&str) -> bool| last.iter().rev().copied().find(|line| is_it(line));
    newest(is_panic).or_else(|| newest(is_error))
}

/// Whether a line says that something has panicked: the program did not mean to go on from there.
pub fn is_panic(line: &str) -> bool {
    line.contains("thread '") && (line.contains("' panicked at ") || line.contains(") panicked at "))
}

fn is_error(line: &str) -> bool {
    let start = line.trim_start().split([':', ' ']).next().unwrap_or_default();
    start.ends_with("Error")
        || start.ends_with("Exception")
        || line.contains("fatal error:")
        || line.starts_with("panic:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most_is_found() {
        let node =
            ["node:internal/modules/cjs/loader:1210", "Error: Cannot find module 'x'", "    at y", "Node.js v20"];
        assert_eq!(telling_line(&node), Some("Error: Cannot find module 'x'"));
        let rust = ["thread 'main' panicked at src/main.rs:3:5:", "Error: late"];
        assert_eq!(telling_line(&rust), Some(rust[0]));
        assert_eq!(telling_line(&["listening", "bye"]), None);
    }
}
