//! How a target was named on the command line, to be told in reports as part of a command to rerun. Tells no secrets: values
//! of variables and headers are left for the reader to fill in.

use std::time::Duration;

use clap::ValueEnum as _;

use super::args::{PaceArgs, RunArgs, TargetArgs};

/// What stands for a value that may be secret.
const LEFT_OUT: &str = "…";

/// The words behind `mcp-litmus run` that a rerun of one check on one target needs, the target last.
pub(super) fn words(args: &RunArgs, target: &TargetArgs) -> Vec<String> {
    let mut words = Vec::new();
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    for folder in &args.checks.scenarios {
        option("--scenarios", folder.display().to_string());
    }
    for profile in &args.checks.profile {
        option("--profile", profile.name());
    }
    if let Some(value) = args.checks.call_tools.and_then(|which| which.to_possible_value()) {
        option("--call-tools", value.get_name().to_owned());
    }
    if let Some(most) = args.checks.calls_per_tool {
        option("--calls-per-tool", most.to_string());
    }
    let PaceArgs { timeout, start_timeout, seed, .. } = args.pace;
    if let Some(timeout) = timeout.filter(|&timeout| timeout != PaceArgs::TIMEOUT) {
        option("--timeout", time(timeout));
    }
    if let Some(start_timeout) = start_timeout {
        option("--start-timeout", time(start_timeout));
    }
    if seed != 0 {
        option("--seed", seed.to_string());
    }
    let TargetArgs { command, url, config, demo, server, header, allow_host, env, cwd, settings, target } = target;
    if let Some(settings) = settings {
        option("--settings", settings.display().to_string());
    }
    for target in target {
        option("--target", target.clone());
    }
    for variable in env {
        option("--env", format!("{}={LEFT_OUT}", variable.split('=').next().unwrap_or_default()));
    }
    for header in header {
        option("--header", format!("{}: {LEFT_OUT}", header.split(':').next().unwrap_or_default()));
    }
    for host in allow_host {
        option("--allow-host", host.clone());
    }
    if let Some(cwd) = cwd {
        option("--cwd", cwd.display().to_string());
    }
    if let Some(config) = config {
        option("--config", config.display().to_string());
    }
    for server in server {
        option("--server", server.clone());
    }
    if let Some(url) = url {
        option("--url", url.clone());
    }
    if *demo {
        words.push("--demo".to_owned());
    }
    if !command.is_empty() {
        words.push("--".to_owned());
        words.extend(command.iter().map(|word| word.display().to_string()));
    }
    words
}

fn time(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::args::{Args, Command};
    use super::*;

    fn of(line: &str) -> String {
        let Ok(Args { command: Command::Run(args) }) = Args::try_parse_from(line.split(' ')) else { panic!("{line}") };
        words(&args, &args.target).join(" ")
    }

    #[test]
    fn a_rerun_needs_what_names_the_target_and_tells_no_secret() {
        assert_eq!(of("litmus run --demo --jobs 2 --timeout 10s --report json=-"), "--demo");
        assert_eq!(
            of(
                "litmus run --timeout 1500ms --seed 7 --call-tools all --env KEY=secret --cwd d --select x -- node --demo"
            ),
            "--call-tools all --timeout 1500ms --seed 7 --env KEY=… --cwd d -- node --demo"
        );
        assert_eq!(
            of(
                "litmus run --header Authorization:secret --allow-host a.example --scenarios mine --config a.json --server b"
            ),
            "--scenarios mine --header Authorization: … --allow-host a.example --config a.json --server b"
        );
    }
}
