//! `completions` and `man`: what shells and `man` want to know of the command line. Asks no target.

use std::io;

use clap::{CommandFactory as _, Parser};
use clap_complete::Shell;

use super::args::Args;
use super::console;
use super::exit::{Exit, Stop};

/// Print what a shell needs to complete commands and options
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  mcp-litmus completions bash > ~/.local/share/bash-completion/completions/mcp-litmus
  mcp-litmus completions zsh > \"${fpath[1]}/_mcp-litmus\"")]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Print the manual page
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  mcp-litmus man > ~/.local/share/man/man1/mcp-litmus.1")]
pub(super) struct ManArgs {
    /// The page of one command, such as `run`
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints completions.
pub(super) fn completions(args: &CompletionsArgs) -> Result<Exit, Stop> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "mcp-litmus", &mut text);
    printed(text)
}

/// Prints a manual page.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Stop> {
    let mut program = Args::command();
    program.build();
    let page = match &args.command {
        None => clap_mangen::Man::new(program),
        Some(name) => {
            let unknown = || Stop::usage(format!("there is no command `{name}`"));
            let command = program.find_subcommand(name).ok_or_else(unknown)?;
            clap_mangen::Man::new(command.clone()).title(format!("mcp-litmus-{name}"))
        }
    };
    let mut text = Vec::new();
    page.render(&mut text).map_err(|error: io::Error| Stop::fault(format!("cannot make the page: {error}")))?;
    printed(text)
}

fn printed(text: Vec<u8>) -> Result<Exit, Stop> {
    let text = String::from_utf8(text).map_err(|error| Stop::fault(format!("what was made is no text: {error}")))?;
    console::print(&text)
}
