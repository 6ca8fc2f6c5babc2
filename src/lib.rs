//! `mcp-litmus`: conformance tests for any Model Context Protocol server.
//!
//! The floors, each of which imports from lower ones only:
//!
//! ```text
//! 6 cli                                     what was typed → what is meant → exit code
//! 5 report                                  events → pages, terminals, files
//! 4 run        fuzz                         plan, jobs, one channel of events; what a client can provoke
//! 3 survey   judge    mock                  what is offered; verdicts; the server that is right, or broken on demand
//! 2 session  scenario  smith                one conversation and its transcript; checks as data; inputs from bytes
//! 1 protocol transport                      what a revision says; bytes to and from a target
//! 0 wire     outcome  source                messages and frames; verdicts and events; files that people wrote
//! ```

pub mod cli;
pub mod fuzz;
pub mod judge;
pub mod mock;
pub mod outcome;
pub mod protocol;
pub mod report;
pub mod run;
pub mod scenario;
pub mod session;
pub mod smith;
pub mod source;
pub mod survey;
pub mod transport;
pub mod wire;
