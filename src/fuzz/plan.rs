//! What a worker is told: the target, what is known of it, and how to go about it. Travels as JSON from the supervisor to the
//! workers; decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::oracle::Oracle;
use crate::protocol::Revision;
use crate::smith::World;
use crate::transport::{CommandTarget, Limits, Target, UrlTarget};
use crate::wire::TransportKind;

/// All that a worker has to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkPlan {
    /// Where the server is.
    pub place: Place,
    /// What the user calls it, for files that people read.
    pub words: Vec<String>,
    /// The revision to speak.
    pub revision: Revision,
    /// What it offers.
    pub offer: Offer,
    /// The oracles that judge.
    pub oracles: BTreeSet<Oracle>,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How long the target may take to start.
    pub start_timeout: Duration,
    /// When to stop, since the worker began.
    pub time: Option<Duration>,
    /// How many inputs to try.
    pub executions: Option<u64>,
    /// From what chance is drawn.
    pub seed: u64,
    /// The number of this worker, from 0, and how many there are.
    pub worker: u32,
    /// How many there are.
    pub workers: u32,
    /// Where inputs are kept between nights.
    pub corpus: PathBuf,
    /// Folders whose inputs are taken into the corpus.
    pub merged: Vec<PathBuf>,
    /// Where findings are written.
    pub out: PathBuf,
    /// Messages a second at most.
    pub rate: Option<u32>,
    /// Which hook reports coverage.
    pub coverage: String,
    /// What drives: `loop` or `libfuzzer`.
    pub engine: String,
}

/// Where a server is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A program.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
        /// Variables on top of the inherited ones.
        environment: BTreeMap<String, String>,
        /// The working directory.
        directory: Option<PathBuf>,
        /// Whether it is shut in.
        sandbox: bool,
    },
    /// An address.
    Url {
        /// The address.
        url: url::Url,
        /// Headers of every request.
        headers: Vec<(String, String)>,
    },
}

/// What a target offers, as far as inputs may use it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Offer {
    /// Declared capabilities.
    pub capabilities: Value,
    /// All tools.
    pub tools: Vec<Value>,
    /// The names of those that may be called.
    pub callable: Vec<String>,
    /// Resources.
    pub resources: Vec<Value>,
    /// Resource templates.
    pub templates: Vec<Value>,
    /// Prompts.
    pub prompts: Vec<Value>,
    /// Arguments that the user gives, by tool.
    pub arguments: BTreeMap<String, Value>,
}

impl WorkPlan {
    /// The transport.
    pub fn kind(&self) -> TransportKind {
        match self.place {
            Place::Command { .. } => TransportKind::Stdio,
            Place::Url { .. } => TransportKind::Http,
        }
    }

    /// Bounds on what the target may send for one input.
    pub(super) fn limits() -> Limits {
        Limits::default()
    }

    /// The world that inputs are made from.
    pub(super) fn world(&self) -> World {
        let offer = &self.offer;
        let is_callable =
            |tool: &&Value| tool["name"].as_str().is_some_and(|name| offer.callable.iter().any(|n| n == name));
        let mut world = World::new(self.revision, self.kind());
        world.capabilities = offer.capabilities.clone();
        world.tools = offer.tools.iter().filter(is_callable).cloned().collect();
        world.resources.clone_from(&offer.resources);
        world.templates.clone_from(&offer.templates);
        world.prompts.clone_from(&offer.prompts);
        world.arguments = offer.arguments.clone();
        let names = offer.tools.iter().filter_map(|tool| tool["name"].as_str());
        world.mined.tools = names.map(str::to_owned).collect();
        world
    }
}

impl Place {
    /// The target as transports know it.
    pub fn target(&self) -> Target {
        match self {
            Self::Command { .. } => Target::Command(self.command().unwrap_or_default()),
            Self::Url { url, headers } => {
                Target::Url(UrlTarget { headers: headers.clone(), ..UrlTarget::new(url.clone()) })
            }
        }
    }

    /// The program, where it is one.
    pub(super) fn command(&self) -> Option<CommandTarget> {
        let Self::Command { program, arguments, environment, directory, .. } = self else { return None };
        Some(CommandTarget {
            program: program.clone(),
            arguments: arguments.clone(),
            environment: environment.clone(),
            directory: directory.clone(),
        })
    }
}
