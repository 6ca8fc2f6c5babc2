//! What was probably meant by a mistyped word, and lists of words in a sentence. Knows no language of ours.

/// The candidate that is nearest to a word, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let length = word.chars().count();
    // Of so few letters any word is near to any other; and the work grows with the square of the length.
    if !(3..=80).contains(&length) {
        return None;
    }
    let slips = length / 3;
    let distance = |candidate: &str| strsim::damerau_levenshtein(word, candidate);
    let by_distance = candidates.iter().map(|c| (distance(c), *c)).min_by_key(|(distance, _)| *distance);
    by_distance.filter(|(distance, _)| *distance <= slips).map(|(_, candidate)| candidate)
}

/// `` `a`, `b` or `c` ``.
pub(super) fn listed(words: &[impl AsRef<str>], last: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        None => "nothing".into(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_meant() {
        let known = ["request", "expect", "alive"];
        assert_eq!(nearest("expct", &known), Some("expect"));
        assert_eq!(nearest("alvie", &known), Some("alive"));
        assert_eq!(nearest("response", &known), None);
        assert_eq!(nearest("x", &["y", "abc"]), None);
        assert_eq!(nearest(&"x".repeat(100_000), &known), None);
    }

    #[test]
    fn words_are_listed() {
        assert_eq!(listed(&["a", "b", "c"], "or"), "`a`, `b` or `c`");
        assert_eq!(listed(&["a"], "or"), "`a`");
    }
}
