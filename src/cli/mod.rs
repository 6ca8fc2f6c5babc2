//! The command line: what was typed, what is meant, and the exit code. Decides nothing about servers.

mod args;
mod config;
mod console;
mod entry;
mod exit;
mod jsonc;
mod outlets;
mod run;
mod settings;
mod signals;

pub use entry::main;
