//! What a certificate speaks of: the files that the command names, or the address; and this program. Reads files only to hash
//! them.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::exit::Stop;
use crate::outcome::TargetInfo;
use crate::report::{Artifact, sha256};
use crate::transport::{CommandTarget, Target};

/// The files or the address under test, the most telling first: of `node server.mjs` the script, then the interpreter.
pub(super) fn of(target: &Target, info: &TargetInfo) -> Result<Vec<Artifact>, Stop> {
    match target {
        Target::Command(command) => {
            let files = files(command);
            if files.is_empty() {
                let program = &command.program;
                return Err(Stop::not_reached(format!("cannot start `{program}`: there is no such program")));
            }
            files.iter().map(|file| artifact(file)).collect()
        }
        Target::Url(_) => {
            let url = info.url.clone().unwrap_or_default();
            Ok(vec![Artifact { name: url.clone(), sha256: sha256(url.as_bytes()), uri: Some(url) }])
        }
        Target::Memory(_) => Ok(vec![tool()?]),
    }
}

/// This program.
pub(super) fn tool() -> Result<Artifact, Stop> {
    let path = env::current_exe().map_err(|error| Stop::fault(format!("cannot find this program: {error}")))?;
    Ok(Artifact { name: env!("CARGO_PKG_NAME").to_owned(), ..artifact(&path)? })
}

/// Arguments that are files, then the program.
fn files(command: &CommandTarget) -> Vec<PathBuf> {
    let folder = command.directory.clone().unwrap_or_default();
    let mut files: Vec<_> =
        command.arguments.iter().map(|word| folder.join(word)).filter(|path| path.is_file()).collect();
    files.extend(program(command));
    files
}

/// The file of the program, as it is found in `PATH` where its name has no slash.
fn program(command: &CommandTarget) -> Option<PathBuf> {
    let name = &command.program;
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let path =
        command.environment.get("PATH").map(|path| OsStr::new(path).to_owned()).or_else(|| env::var_os("PATH"))?;
    let runs =
        |file: &PathBuf| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    env::split_paths(&path).map(|folder| folder.join(name)).find(runs)
}

fn artifact(path: &Path) -> Result<Artifact, Stop> {
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Artifact { name, uri: None, sha256: sha256(&bytes) })
}
