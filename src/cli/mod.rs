//! The command line: what was typed, what is meant, and the exit code. Decides nothing about servers.

mod args;
mod baseline;
mod certify;
mod config;
mod console;
mod coverage;
mod entry;
mod exit;
mod explain;
mod file;
mod fuzz;
mod init;
mod jsonc;
mod lint;
mod list;
mod manual;
mod outlets;
mod replay;
mod report;
mod run;
mod serve;
mod settings;
mod signals;
mod snapshot;
mod subject;
mod targets;
mod variables;
mod verify;
mod words;

pub use entry::main;
