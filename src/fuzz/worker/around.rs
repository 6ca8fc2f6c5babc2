//! What no single exchange shows: a process that grows, sessions that are mixed up, a pace that is too fast.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::Worker;
use crate::fuzz::assess::Worth;
use crate::fuzz::inquest::Lead;
use crate::fuzz::link::Link;
use crate::fuzz::oracle::Oracle;
use crate::fuzz::resources::{conspicuous, usage};
use crate::fuzz::sessions;
use crate::smith::{Input, World};

/// How often sessions are compared, and the process looked at.
const SESSIONS: u64 = 500;
const USAGE: u64 = 256;
/// How many sorts of input are tried at once, of so many that were sent last.
const SORTS: usize = 4;
const RECENT: usize = 4096;

impl Worker {
    /// Looks now and then at what no single exchange shows.
    pub(super) fn look_around(&mut self) {
        let executions = self.progress.executions;
        if executions % SESSIONS == 1 && self.ground.court.has(Oracle::SessionMixup) {
            self.compare_sessions(executions);
        }
        if executions.is_multiple_of(USAGE) && self.ground.court.has(Oracle::Resources) {
            self.look_at_usage();
        }
    }

    fn look_at_usage(&mut self) {
        let process = self.conversation.as_ref().and_then(|conversation| conversation.link.process());
        let Some(now) = process.and_then(usage) else { return };
        let Some(before) = self.usage else {
            self.usage = Some(now);
            return;
        };
        if !conspicuous(before, now) || !self.inquest.has_time_for_growth(self.began.elapsed()) {
            return;
        }
        self.usage = Some(now);
        // The newest input of each sort. What makes it grow may hang on what is in it: each sort is tried again, ever more seldom.
        let mut sorts = HashSet::new();
        let mut inputs = Vec::new();
        let is_sound = |input: &&Arc<Input>| match input.pieces.as_slice() {
            [piece] => self.ground.court.assessor.assess(&piece.bytes).1 == Worth::Sound,
            _ => false,
        };
        for input in self.history.newest_first().take(RECENT).filter(is_sound) {
            let sort = sort(&self.world, input);
            if inputs.len() < SORTS && sorts.insert(sort.clone()) {
                let times = self.grown.entry(sort).or_default();
                *times += 1;
                inputs.extend(times.is_power_of_two().then(|| (**input).clone()));
            }
        }
        if !inputs.is_empty() {
            self.inquest.follow(Lead::Growth(inputs));
        }
    }

    fn compare_sessions(&mut self, number: u64) {
        if !matches!(self.conversation.as_ref().map(|c| &c.link), Some(Link::Endpoint(endpoint)) if endpoint.session.is_some())
        {
            return;
        }
        self.inquest.follow(Lead::Sessions(sessions::inputs(&self.world, number)));
    }

    /// Not more messages a second than wanted.
    pub(super) fn keep_pace(&mut self) {
        let Some(rate) = self.ground.plan.rate else { return };
        let messages = self.progress.messages + self.ground.messages.load(Ordering::Relaxed);
        let due = Duration::from_secs(messages) / rate;
        if let Some(early) = due.checked_sub(self.began.elapsed()) {
            std::thread::sleep(early.min(Duration::from_secs(1)));
        }
    }
}

/// What an input is about, roughly: its method, and the tool or prompt of the target's that it names.
fn sort(world: &World, input: &Input) -> String {
    let value = input.pieces.first().and_then(|piece| serde_json::from_slice::<Value>(&piece.bytes).ok());
    let value = value.unwrap_or_default();
    let is_offered = |name: &&str| world.tools.iter().chain(&world.prompts).any(|thing| thing["name"] == **name);
    let name = value.pointer("/params/name").and_then(Value::as_str).filter(is_offered);
    format!("{} {}", value["method"], name.unwrap_or_default())
}
