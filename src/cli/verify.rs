//! `verify`: whether a certificate is as it was written, and what it says. Asks no server and no network.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueHint};
use serde_json::Value;

use super::console;
use super::exit::{Exit, Stop};
use crate::protocol::RequirementSet;
use crate::report::{PublicKey, Verified, sha256, verify as verify_folder};
use crate::source::printable;

/// Verify a certificate, and tell what it says
#[derive(Debug, Parser)]
#[command(after_help = "\
Every file is held against the hashes in the certificate, and the signature against the key; without --key, against
the key that lies with the certificate, which shows that nothing was changed, not who signed.

Examples:
  mcp-litmus verify certificate --key public-key.pem")]
pub(super) struct VerifyArgs {
    /// The folder of the certificate
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The key that must have signed it
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
}

/// Verifies.
pub(super) fn verify(args: &VerifyArgs) -> Result<Exit, Stop> {
    let key = args.key.as_deref().map(public_key).transpose()?;
    let verified = verify_folder(&args.dir, key.as_ref());
    let verified = verified
        .map_err(|error| Stop::usage(format!("`{}` is no certificate: {error}", args.dir.display())))?
        .and_then(|verified| known(&verified).map(|set| (verified, set)));
    match verified {
        Ok((verified, set)) => console::print(&told(&verified, &set, key.is_some())),
        Err(wrong) => {
            let lines: Vec<_> = wrong.iter().map(|line| format!("  {}", printable(line, LINE))).collect();
            console::print(&format!("not valid\n{}\n", lines.join("\n")))?;
            Ok(Exit::Fails)
        }
    }
}

/// Bytes of a line that are shown.
const LINE: usize = 400;

fn public_key(path: &Path) -> Result<PublicKey, Stop> {
    let pem = std::fs::read(path);
    let pem = pem.map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", path.display())))?;
    PublicKey::read(&pem).map_err(|error| Stop::usage(format!("`{}` holds {error}", path.display())))
}

/// What is known of the requirement set, in one clause; an error where it is not the set that was published under its number.
fn known(verified: &Verified) -> Result<String, Vec<String>> {
    let set = RequirementSet::read(&verified.requirements);
    let set = set.map_err(|mistake| vec![format!("requirements.yaml is no requirement set: {mistake}")])?;
    let name = format!("requirement set {} version {}", set.revision, set.version);
    match RequirementSet::frozen(set.revision, set.version) {
        Some(hash) if hash == sha256(verified.requirements.as_bytes()) => Ok(name),
        Some(_) => Err(vec![format!("requirements.yaml is not the published {name}")]),
        None => Ok(format!("{name}, which this version of mcp-litmus does not know")),
    }
}

fn told(verified: &Verified, set: &str, key_given: bool) -> String {
    let statement = &verified.statement;
    let text = |value: &Value| printable(value.as_str().unwrap_or("?"), 120);
    let mut page = match (&verified.signer, key_given) {
        (None, _) => "valid, not signed\n".to_owned(),
        (Some(key), true) => format!("valid, signed by the key {}\n", key.id()),
        (Some(key), false) => {
            format!("valid, signed by the key {} that lies with it; --key makes sure whose that is\n", key.id())
        }
    };
    let predicate = &statement["predicate"];
    let reported = &statement["subject"][0]["annotations"];
    let configuration = predicate["configuration"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = |name: &str| configuration.iter().find(|entry| entry["name"] == name).unwrap_or(&Value::Null);
    let outcome = &named("requirements.yaml")["annotations"];
    let (server, version) = (text(&reported["serverName"]), text(&reported["serverVersion"]));
    let level = match outcome["level"].as_str() {
        Some(level @ ("conformant" | "strict")) => format!("conforms (level {level})"),
        _ => "does not conform".to_owned(),
    };
    let (revision, transport) = (text(&reported["revision"]), text(&reported["transport"]));
    let _ = writeln!(page, "{server} {version} {level} to {revision} over {transport}");
    for subject in statement["subject"].as_array().into_iter().flatten() {
        let _ = writeln!(page, "  subject {} sha256:{}", text(&subject["name"]), text(&subject["digest"]["sha256"]));
    }
    let tool = text(&named("mcp-litmus")["annotations"]["version"]);
    let _ = writeln!(page, "  judged by {set}, with mcp-litmus {tool}, {}", text(&reported["testedAt"]));
    let count = |member: &str| predicate[member].as_array().map_or(0, Vec::len);
    let [passed, warned, failed] = ["passedTests", "warnedTests", "failedTests"].map(count);
    let _ = writeln!(page, "  {passed} passed, {warned} warned (SHOULD), {failed} failed");
    for (member, word) in [("failedTests", "failed"), ("warnedTests", "warned")] {
        for id in predicate[member].as_array().into_iter().flatten() {
            let _ = writeln!(page, "    {word}: {}", text(id));
        }
    }
    for (member, words) in [("inconclusive", "not judged"), ("notExercised", "not exercised")] {
        for (id, reason) in outcome[member].as_object().into_iter().flatten() {
            let _ = writeln!(page, "    {words}: {} ({})", printable(id, 120), text(reason));
        }
    }
    page
}
