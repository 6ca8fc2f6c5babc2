//! Causes as texts: what a target says of a fault, without what it repeats of the input; and whether two such texts tell of one
//! fault. What is repeated may be a word that the text has of its own: then it is masked in one text, and stands in the other.

use super::digest::{Digests, digest};

/// Bytes of a text that are looked at, and bytes that are kept of it.
const READ: usize = 4096;
const KEPT: usize = 300;
/// What stands for what was sent, and for all that is not kept.
const MASK: char = '_';
const REST: &str = "…";
/// Words that are longer are names and addresses, as they were sent or changed on the way.
const WORD: usize = 32;

/// A text with what was sent masked wherever it stands by itself, long words too, without structures, digits folded, and cut.
pub(super) fn cause(text: &str, sent: &[String]) -> String {
    let is_read_whole = text.len() <= READ;
    let mut text = text[..text.floor_char_boundary(READ)].to_owned();
    for echo in sent.iter().filter(|echo| !echo.trim().is_empty()) {
        text = without(&text, echo);
    }
    let mut folded = folded(&without_structures(&text));
    if folded.len() > KEPT || !is_read_whole {
        folded.truncate(folded.floor_char_boundary(KEPT));
        folded.push_str(REST);
    }
    folded
}

/// A text with long words masked and digits folded.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| c.is_whitespace() || "\"'`".contains(c)) {
        if word.len() > WORD {
            folded.push(MASK);
            // What ends a word keeps it apart from the next.
            folded.extend(word.chars().next_back().filter(|c| !c.is_alphanumeric()));
            continue;
        }
        for c in word.chars() {
            let c = if c.is_ascii_digit() { '0' } else { c };
            if !(c == '0' && folded.ends_with('0')) {
                folded.push(c);
            }
        }
    }
    folded
}

/// Texts that the target has said without an echo in them: when one of their words is in what was sent, it is the same text still.
#[derive(Default)]
pub(super) struct Refrains {
    known: Digests,
}

impl Refrains {
    /// A text as `masks` makes it of what was said and of what was sent.
    pub(super) fn text<'a>(
        &self,
        masks: fn(&str, &[String]) -> String,
        said: &str,
        sent: impl FnOnce() -> &'a [String],
    ) -> String {
        let plain = masks(said, &[]);
        let number = digest(&plain);
        if self.known.contains(number) {
            return plain;
        }
        let masked = masks(said, sent());
        self.known.extend((masked == plain).then_some(number));
        masked
    }
}

/// Whether two causes may be one: word by word they are the same, or one has something masked that the other has not. Of their
/// letters more than half have to be in words that are the same.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let (one, other): (Vec<&str>, Vec<&str>) = (one.split_whitespace().collect(), other.split_whitespace().collect());
    let is_cut = |words: &[&str]| words.last().is_some_and(|word| word.ends_with(REST));
    let compared = match (is_cut(&one), is_cut(&other)) {
        (false, false) if one.len() == other.len() => one.len(),
        (true, false) if one.len() <= other.len() + 1 => one.len() - 1,
        (false, true) if other.len() <= one.len() + 1 => other.len() - 1,
        (true, true) => one.len().min(other.len()) - 1,
        _ => return false,
    };
    let (one, other) = (&one[..compared], &other[..compared]);
    let letters = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count();
    let all = |words: &[&str]| words.iter().map(letters).sum::<usize>();
    let same: usize = one.iter().zip(other).filter(|(one, other)| one == other).map(|(word, _)| letters(word)).sum();
    same * 2 > all(one).max(all(other))
        && one.iter().zip(other).all(|(one, other)| matches(one, other) || matches(other, one))
}

/// A text without what stands in braces and brackets: as what was sent is shown, in the words of whatever language.
fn without_structures(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '}' | ']') {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            kept.push(c);
        }
        if matches!(c, '{' | '[') {
            depth += 1;
        }
    }
    kept
}

/// A text without an echo, where that is not a part of a word.
fn without(text: &str, echo: &str) -> String {
    let is_inside =
        |a: Option<char>, b: Option<char>| a.zip(b).is_some_and(|(a, b)| a.is_alphanumeric() && b.is_alphanumeric());
    let (mut masked, mut written) = (String::new(), 0);
    for (at, _) in text.match_indices(echo) {
        let end = at + echo.len();
        let starts_inside = is_inside(text[..at].chars().next_back(), echo.chars().next());
        if !starts_inside && !is_inside(echo.chars().next_back(), text[end..].chars().next()) {
            masked.push_str(&text[written..at]);
            masked.push(MASK);
            written = end;
        }
    }
    masked.push_str(&text[written..]);
    masked
}

/// Whether a word is what a pattern stands for: a mask in it stands for anything.
fn matches(pattern: &str, word: &str) -> bool {
    let Some((first, rest)) = pattern.split_once(MASK) else { return pattern == word };
    let Some(mut left) = word.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split(MASK).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, sent: &[&str]) -> String {
        cause(text, &sent.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_was_sent_and_numbers_are_no_part_of_a_cause() {
        assert_eq!(of("no tool zebra at line 1234", &["zebra"]), "no tool _ at line 0");
        assert_eq!(of("bad kind: b. Must be bad", &["b"]), "bad kind: _. Must be bad");
        assert_eq!(of("bad kind: . Must be bad", &[""]), "bad kind: . Must be bad");
        assert_eq!(of(&format!("no {} here", "x/".repeat(20)), &[]), "no _ here");
        assert_eq!(of("bad {'a': [1, {'b': None}]} in [x], and {'cut", &[]), "bad {} in [], and {");
        assert_eq!(of(&format!("bad {{{}", "a".repeat(5000)), &[]), "bad {…");
        assert!(of(&"ab ".repeat(200), &[]).ends_with(REST));
        assert_eq!(of(&format!("bad {}: no", "a".repeat(400)), &[&"a".repeat(400)]), "bad _: no");
    }

    #[test]
    fn what_was_said_before_is_no_echo() {
        let refrains = Refrains::default();
        let sent = ["invalid".to_owned()];
        assert_eq!(refrains.text(cause, "invalid type: 7", || &sent), "_ type: 0");
        assert_eq!(refrains.text(cause, "invalid type: 7", || &[]), "invalid type: 0");
        assert_eq!(refrains.text(cause, "invalid type: 12", || &sent), "invalid type: 0");
        assert_eq!(refrains.text(cause, "no tool invalid", || &sent), "no tool _");
    }

    #[test]
    fn one_fault_is_one_whatever_of_its_words_was_sent() {
        let texts = [
            of("Invalid kind: b. Must be Text or Blob.", &["Blob", "kind", "b"]),
            of("Invalid kind: error. Must be Text or Blob.", &["error"]),
            of("Invalid kind: . Must be Text or Blob.", &[""]),
            of("Invalid kind: Text b. Must be Text or Blob.", &["Text b", "Text"]),
            of("Invalid kind: \u{0}. Must be Text or Blob.", &["\u{0}"]),
        ];
        for one in &texts[..1] {
            for other in &texts {
                assert!(is_same(one, other) && is_same(other, one), "{one} / {other}");
            }
        }
    }

    #[test]
    fn other_faults_are_others() {
        for (one, other) in [
            ("cannot read 'length' of undefined", "cannot read 'trim' of undefined"),
            ("Invalid _: _. Must be Text or Blob.", "Invalid _: _. Must be a finite number."),
            ("_", "anything"),
            ("no _", "no such"),
            ("too long: a b c d e f", "too long: a b…x"),
            ("", "something"),
        ] {
            assert!(!is_same(one, other) && !is_same(other, one), "{one} / {other}");
        }
        assert!(is_same("no such name in this lo…", "no such name in this long list"));
        assert!(!is_same("no such name in this long…", "no such name in that lo…"));
    }
}
