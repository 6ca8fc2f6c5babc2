//! Texts: of a format, that match a pattern, or any.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};

use super::Unstructured;
use super::choice::{below, between, one_in, pick};

/// Characters of a text that is made to be long enough.
const LONGEST: usize = 4_096;
/// Repetitions of a part of a pattern beyond the least.
const REPETITIONS: u32 = 4;

/// Texts by `format`, each valid by it.
const FORMATS: &[(&str, &[&str])] = &[
    (
        "date-time",
        &[
            "2026-01-01T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2024-02-29T12:00:00+14:00",
            "0001-01-01T00:00:00.000000001-00:00",
        ],
    ),
    ("date", &["2026-01-01", "2024-02-29", "9999-12-31"]),
    ("time", &["00:00:00Z", "23:59:60Z", "12:34:56.789+05:30"]),
    ("duration", &["P1D", "PT0S", "P3Y6M4DT12H30M5S"]),
    ("email", &["a@example.com", "\"a b\"@example.com", "a+b@xn--bcher-kva.example"]),
    ("idn-email", &["a@example.com", "ü@bücher.example"]),
    ("hostname", &["example.com", "localhost", "xn--bcher-kva.example"]),
    ("idn-hostname", &["example.com", "bücher.example"]),
    ("ipv4", &["127.0.0.1", "0.0.0.0", "255.255.255.255"]),
    ("ipv6", &["::1", "::", "2001:db8::ffff:192.0.2.1"]),
    ("uri", &["https://example.com/", "file:///etc/hosts", "urn:uuid:00000000-0000-4000-8000-000000000000", "data:,"]),
    ("url", &["https://example.com/", "http://127.0.0.1:9/"]),
    ("uri-reference", &["https://example.com/", "../a?b#c", ""]),
    ("iri", &["https://example.com/", "https://bücher.example/ü"]),
    ("iri-reference", &["https://example.com/", "ü"]),
    ("uri-template", &["https://example.com/{a}", "{+x,y}"]),
    ("uuid", &["00000000-0000-4000-8000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("json-pointer", &["", "/a/0", "/a~1b/~0"]),
    ("relative-json-pointer", &["0", "1/a", "0#"]),
    ("regex", &["^a+$", "", "(a|b)*c"]),
    ("byte", &["", "bGl0bXVz", "AA=="]),
    ("base64", &["", "bGl0bXVz", "AA=="]),
];

/// Ordinary texts that are not quite ordinary.
const TEXTS: &[&str] = &[
    "litmus",
    "a",
    "",
    "0",
    "1",
    "true",
    "null",
    "A B",
    "naïve",
    "日本語",
    "👩‍👩‍👧",
    "e\u{301}",
    "a\nb",
    "a\tb",
    "x.y",
    "/",
    "a,b",
    "-1",
    "1e3",
    "\\",
    "\"",
    "'",
    "%20",
    "{}",
    "[]",
    "ß",
    "İ",
    "\u{feff}a",
];

/// A text that satisfies `minLength` and `maxLength`, `pattern` and `format` of some schemas, as far as it can be told.
pub(super) fn of_schemas(schemas: &[&Map<String, Value>], u: &mut Unstructured<'_>) -> Option<String> {
    let number = |key: &'static str| schemas.iter().filter_map(move |schema| schema.get(key)?.as_u64());
    let least = number("minLength").max().unwrap_or(0);
    let most = number("maxLength").min().unwrap_or(u64::MAX);
    let least = usize::try_from(least).ok().filter(|least| *least <= LONGEST && *least as u64 <= most)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let fits = |text: &str| (least..=most).contains(&text.chars().count());
    let word = |key: &str| schemas.iter().find_map(|schema| schema.get(key)?.as_str());
    let format = word("format").or_else(|| word("contentEncoding"));
    let known = format.and_then(|format| FORMATS.iter().find(|(known, _)| *known == format));
    // Where there is a pattern too it mostly says the same as the format, less readably.
    let by_pattern = word("pattern").filter(|_| known.is_none() || one_in(u, 4));
    if let Some(pattern) = by_pattern {
        return Some(matching(pattern, least, most, u));
    }
    if let Some((_, texts)) = known
        && let Some(text) = pick(u, texts).filter(|text| fits(text))
    {
        return Some((*text).to_owned());
    }
    let text = pick(u, TEXTS).copied().unwrap_or_default();
    let wanted =
        if fits(text) && !one_in(u, 8) { text.chars().count() } else { between(u, least.max(6).min(most), least + 12) };
    let text = if text.is_empty() { "litmus" } else { text };
    Some(text.chars().cycle().take(wanted.clamp(least, most)).collect())
}

/// A text that matches a regular expression, if that can be read; longer or shorter as is wanted, as far as the pattern lets.
pub(super) fn matching(pattern: &str, least: usize, most: usize, u: &mut Unstructured<'_>) -> String {
    let Some(hir) = parsed(pattern) else { return "litmus".to_owned() };
    let mut text = String::new();
    let mut budget = LONGEST.min(most.max(1));
    // What is not anchored may stand between other characters, which a text that is too short needs.
    write(&hir, least, &mut text, &mut budget, u);
    let lacks = least.saturating_sub(text.chars().count());
    if lacks > 0 {
        text.extend(std::iter::repeat_n('x', lacks));
    }
    text
}

/// A pattern of JSON Schema, without the look-arounds that only JavaScript has: who uses it validates what comes out.
fn parsed(pattern: &str) -> Option<Hir> {
    let parse = |pattern: &str| regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(pattern).ok();
    parse(pattern).or_else(|| parse(&without_look_around(&pattern.replace("\\/", "/"))))
}

fn without_look_around(pattern: &str) -> String {
    let mut kept = String::new();
    let mut rest = pattern;
    while let Some(at) = ["(?=", "(?!", "(?<=", "(?<!"].iter().filter_map(|mark| rest.find(mark)).min() {
        kept.push_str(&rest[..at]);
        let mut depth = 0usize;
        let mut is_escaped = false;
        let end = rest[at..].char_indices().find_map(|(place, c)| {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at + place + c.len_utf8())
        });
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    kept + rest
}

fn write(hir: &Hir, least: usize, text: &mut String, budget: &mut usize, u: &mut Unstructured<'_>) {
    if *budget == 0 {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            let part = String::from_utf8_lossy(&literal.0);
            *budget = budget.saturating_sub(part.chars().count());
            text.push_str(&part);
        }
        HirKind::Class(class) => {
            *budget -= 1;
            text.extend(character(class, u));
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX).min(repetition.min.saturating_add(REPETITIONS));
            let mut count = between(u, repetition.min as usize, most as usize);
            // A text that is still too short is filled up by what may be repeated at will.
            if let Some(each) = repetition.sub.properties().minimum_len().filter(|each| *each > 0) {
                let lacks = least.saturating_sub(text.chars().count()).div_ceil(each);
                count = count.max(lacks.min(repetition.max.map_or(LONGEST, |most| most as usize)));
            }
            for _ in 0..count.min(*budget) {
                *budget = budget.saturating_sub(usize::from(repetition.sub.properties().minimum_len() == Some(0)));
                write(&repetition.sub, 0, text, budget, u);
                if *budget == 0 {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, least, text, budget, u),
        HirKind::Concat(parts) => {
            for (place, part) in parts.iter().enumerate() {
                let after: usize = parts[place + 1..].iter().filter_map(|part| part.properties().minimum_len()).sum();
                write(part, least.saturating_sub(after), text, budget, u);
            }
        }
        HirKind::Alternation(branches) => {
            if let Some(branch) = pick(u, branches) {
                write(branch, least, text, budget, u);
            }
        }
    }
}

/// A character of a class: one that can be read where there is one, sometimes another.
fn character(class: &Class, u: &mut Unstructured<'_>) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let readable: Vec<(char, char)> = ranges
        .iter()
        .map(|(first, last)| ((*first).max('!'), (*last).min('~')))
        .filter(|(first, last)| first <= last)
        .collect();
    let ranges = if readable.is_empty() || one_in(u, 16) { ranges } else { readable };
    let (first, last) = *pick(u, &ranges)?;
    // A class that has letters begins with digits or signs more often than not: letters are told apart more easily.
    let first = if u.is_empty() && (first..=last).contains(&'a') { 'a' } else { first };
    let span = (last as usize).saturating_sub(first as usize) + 1;
    char::from_u32(u32::try_from(first as usize + below(u, span)).ok()?).or(Some(first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATTERNS: &[&str] = &[
        "^z+$",
        "^[a-z][a-z0-9_-]{2,31}$",
        "^\\d{4}-\\d{2}-\\d{2}$",
        "^(?:sk|pk)_[A-Za-z0-9]{24}$",
        "^#[0-9a-fA-F]{6}$",
        "^.+@.+\\..+$",
        "^https?:\\/\\/",
        "^(a|b(c|d)*)+$",
        "^\\S+$",
        "^[^\\s/]+/[^\\s/]+$",
        "\\.json$",
        "^v?\\d+(\\.\\d+){0,2}$",
        "^\\p{L}+$",
        "^$",
        "x",
        "^(?!-)[a-z-]+$",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_made_of_a_pattern_matches_it(place in 0..PATTERNS.len(), bytes in any::<Vec<u8>>()) {
            let pattern = PATTERNS[place];
            let text = matching(pattern, 0, usize::MAX, &mut Unstructured::new(&bytes));
            if let Ok(regex) = regex::Regex::new(pattern) {
                prop_assert!(regex.is_match(&text), "{text:?} does not match {pattern}");
            }
        }

        #[test]
        fn any_pattern_ends(pattern in any::<String>(), bytes in any::<Vec<u8>>()) {
            matching(&pattern, 3, 9, &mut Unstructured::new(&bytes));
        }
    }

    #[test]
    fn a_pattern_is_filled_up_to_the_length_that_is_wanted() {
        for (pattern, least) in [("^[a-z]+$", 40), ("^a{2,}b?$", 12), ("^x", 5)] {
            let text = matching(pattern, least, usize::MAX, &mut Unstructured::new(&[]));
            assert!(
                text.chars().count() >= least && regex::Regex::new(pattern).expect("a pattern").is_match(&text),
                "{text}"
            );
        }
        assert!(matching("^(a{100}){100}{100}$", 0, usize::MAX, &mut Unstructured::new(&[])).len() < 10_000);
    }

    #[test]
    fn texts_are_of_their_formats() {
        for (format, texts) in FORMATS {
            let schema = serde_json::json!({"format": format});
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
            for text in *texts {
                assert!(validator.is_valid(&Value::from(*text)), "{text:?} is no {format}");
            }
        }
    }
}
