//! How this executable starts itself and targets: as a worker, and as the last thing before a target takes its place. What has to
//! be set for a target before it runs is set there, in a process of its own, without any code between `fork` and `exec`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::transport::CommandTarget;

/// The first argument of a worker.
pub const WORKER: &str = "__fuzz-worker";
/// The first argument of what becomes a target.
pub const LAUNCH: &str = "__fuzz-launch";

/// A command that starts another one through this executable.
pub(super) fn through_this(command: CommandTarget) -> CommandTarget {
    let Ok(this) = std::env::current_exe() else { return command };
    let CommandTarget { program, arguments, environment, directory } = command;
    let arguments = [LAUNCH.to_owned(), program].into_iter().chain(arguments).collect();
    CommandTarget { program: this.to_string_lossy().into_owned(), arguments, environment, directory }
}

/// Becomes the target, which dies with its parent. Returns only where it cannot, with the reason.
pub fn launch(arguments: &[OsString]) -> String {
    let [program, arguments @ ..] = arguments else { return "nothing to start".to_owned() };
    die_with_parent();
    let error = Command::new(program).args(arguments).exec();
    format!("cannot start `{}`: {error}", program.display())
}

#[cfg(target_os = "linux")]
fn die_with_parent() {
    // Without it a target would outlive a worker that is killed, until it notices that its input has ended.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}
