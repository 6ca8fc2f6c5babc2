//! Shuts a program in by `bubblewrap`: no network, everything read-only but a home and working directory of its own, which is
//! thrown away. Linux only.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::transport::{CommandTarget, Target};

/// The program that shuts in.
const BWRAP: &str = "bwrap";

/// Whether programs can be shut in here; an error says why not, and what would help.
fn available() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("--sandbox is there on Linux only".to_owned());
    }
    let mut attempt = Command::new(BWRAP);
    attempt.args(["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-net", "--unshare-pid", "true"]);
    match attempt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output() {
        Err(error) => Err(format!("--sandbox needs bubblewrap, and `{BWRAP}` cannot be started: {error}")),
        Ok(output) if !output.status.success() => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(format!("bubblewrap cannot shut programs in here: {}", words.trim()))
        }
        Ok(_) => Ok(()),
    }
}

/// The command that starts another one shut in. `home` is where it may write; `shared` as well, where its hooks do.
pub(super) fn shut_in(command: CommandTarget, home: &Path, shared: &Path) -> CommandTarget {
    let CommandTarget { program, arguments, environment, directory } = command;
    let folder = directory.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    // With another working directory, files named relative to this one would not be found.
    let whole = |word: String| {
        let path = folder.join(&word);
        if word.contains('/') && path.exists() || path.is_file() { path.display().to_string() } else { word }
    };
    let program = if program.contains('/') { whole(program) } else { program };
    let text = |path: &Path| path.display().to_string();
    let mut words: Vec<String> = Vec::new();
    for part in [
        vec!["--ro-bind", "/", "/"],
        vec!["--dev", "/dev"],
        vec!["--proc", "/proc"],
        vec!["--bind", &text(shared), &text(shared)],
        vec!["--bind", &text(home), &text(home)],
        vec!["--setenv", "HOME", &text(home)],
        vec!["--setenv", "TMPDIR", &text(home)],
        vec!["--chdir", &text(home)],
        vec!["--unshare-net", "--unshare-pid", "--die-with-parent", "--"],
    ] {
        words.extend(part.into_iter().map(str::to_owned));
    }
    words.push(program);
    words.extend(arguments.into_iter().map(whole));
    CommandTarget { program: BWRAP.to_owned(), arguments: words, environment, directory: Some(folder) }
}

/// A target that is shut in, and the folder that it may write to, which is gone when this is.
pub struct Cell {
    /// The target; any but a program is as it was.
    pub target: Target,
    folder: PathBuf,
}

impl Cell {
    /// Shuts a target in. An error says why it cannot be, and what would help.
    pub fn new(target: &Target) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("mcp-litmus-{}", std::process::id()));
        let home = home(&folder);
        available()?;
        std::fs::create_dir_all(&home).map_err(|error| format!("cannot write to `{}`: {error}", home.display()))?;
        let target = match target {
            Target::Command(command) => Target::Command(shut_in(command.clone(), &home, &folder)),
            other => other.clone(),
        };
        Ok(Self { target, folder })
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // What is left of it is small and of no use.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A home that a worker's targets have.
pub(super) fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}
