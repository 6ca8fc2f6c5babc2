//! Reads the challenge of a `WWW-Authenticate`. Judges nothing.

/// A parameter of a challenge, such as `scope`: quoted or not, its name in any case.
pub(super) fn parameter(challenge: &str, name: &str) -> Option<String> {
    let lower = challenge.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower[from..].find(name).map(|at| at + from) {
        from = at + name.len();
        let begins = lower[..at].chars().next_back().is_none_or(|before| matches!(before, ' ' | ',' | '\t'));
        let Some(value) = lower[from..].trim_start().strip_prefix('=').filter(|_| begins) else { continue };
        let value = &challenge[challenge.len() - value.trim_start().len()..];
        return Some(match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => value.split([',', ' ', '\t']).next().unwrap_or_default().to_owned(),
        });
    }
    None
}

/// Whether a challenge is for bearer tokens.
pub(super) fn is_bearer(challenge: &str) -> bool {
    challenge.split([',', ' ']).any(|word| word.eq_ignore_ascii_case("bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_challenges_are_read() {
        let challenge = r#"Bearer error="invalid_token", Scope=mcp, resource_metadata="https://h/.well-known/x""#;
        assert_eq!(parameter(challenge, "error").as_deref(), Some("invalid_token"));
        assert_eq!(parameter(challenge, "scope").as_deref(), Some("mcp"));
        assert_eq!(parameter(challenge, "resource_metadata").as_deref(), Some("https://h/.well-known/x"));
        assert_eq!(parameter(r#"Bearer x-scope="a""#, "scope"), None);
        assert!(is_bearer("Basic realm=x, bearer") && !is_bearer("Basic"));
    }
}
