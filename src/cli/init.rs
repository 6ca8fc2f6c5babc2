//! `init`: writes the settings of a repository, and the workflow of its pipeline. Never changes a file that is there.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use clap::{Parser, ValueEnum, ValueHint};

use super::console;
use super::exit::{Exit, Stop};
use super::file::TEMPLATE;

/// Write a litmus.toml, and the workflow of a pipeline
#[derive(Debug, Parser)]
#[command(
    override_usage = "mcp-litmus init [OPTIONS] [-- <COMMAND> [ARG]...]\n       mcp-litmus init [OPTIONS] --url <URL>",
    after_help = "Examples:
  mcp-litmus init                                     a litmus.toml to fill in
  mcp-litmus init --ci github -- node dist/index.js   with the server, and a workflow"
)]
pub(super) struct InitArgs {
    /// The program of the server, with its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments, conflicts_with = "url")]
    command: Vec<String>,
    /// The address of an HTTP server
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    url: Option<String>,
    /// A workflow too: .github/workflows/mcp-litmus.yml or .gitlab/mcp-litmus.yml
    #[arg(long, value_name = "CI", value_enum)]
    ci: Option<Pipeline>,
}

/// Whose workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pipeline {
    Github,
    Gitlab,
}

/// Writes the files, all of them or none.
pub(super) fn init(args: &InitArgs) -> Result<Exit, Stop> {
    let mut files = vec![("litmus.toml", settings(args)?)];
    match args.ci {
        Some(Pipeline::Github) => {
            files.push((".github/workflows/mcp-litmus.yml", include_str!("init/github.yml").to_owned()));
        }
        Some(Pipeline::Gitlab) => files.push((".gitlab/mcp-litmus.yml", include_str!("init/gitlab.yml").to_owned())),
        None => {}
    }
    if let Some((there, _)) = files.iter().find(|(path, _)| Path::new(path).exists()) {
        return Err(Stop::usage(format!("`{there}` is there already, and is left as it is; nothing is written")));
    }
    let mut told = String::new();
    for (path, content) in &files {
        write(Path::new(path), content)?;
        told.extend([path, " is written\n"]);
    }
    if args.ci == Some(Pipeline::Gitlab) {
        told += "in .gitlab-ci.yml it is used by `include: [{local: .gitlab/mcp-litmus.yml}]`\n";
    }
    told += if args.command.is_empty() && args.url.is_none() {
        "next: name your server in litmus.toml, then `mcp-litmus run`\n"
    } else {
        "next: `mcp-litmus run`\n"
    };
    console::print(&told)
}

/// The template, with the server in place of the example.
fn settings(args: &InitArgs) -> Result<String, Stop> {
    let server = if let Some(url) = &args.url {
        super::targets::url(url).map_err(Stop::usage)?;
        format!("url = {}", quoted(url))
    } else if args.command.is_empty() {
        return Ok(TEMPLATE.to_owned());
    } else {
        let words: Vec<_> = args.command.iter().map(|word| quoted(word)).collect();
        format!("command = [{}]", words.join(", "))
    };
    Ok(TEMPLATE.replace("# [target]\n# command = [\"node\", \"dist/index.js\"]\n", &format!("[target]\n{server}\n")))
}

/// A text as JSON writes it, which TOML reads as it is, but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn write(path: &Path, content: &str) -> Result<(), Stop> {
    let fault = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Stop::usage(format!("`{}` is there already, and is left as it is", path.display())),
        _ => Stop::unwritten(&format!("`{}`", path.display()), &error),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(fault)?;
    File::create_new(path).and_then(|mut file| file.write_all(content.as_bytes())).map_err(fault)
}
