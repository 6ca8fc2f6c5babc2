//! The server starts and opens a conversation. Whoever runs probes has opened one already: being here is the proof.

use std::future::Future;
use std::pin::Pin;

use super::Setting;
use crate::judge::context::Judged;

/// Passes: where no conversation is opened, the runner fails the check without asking this probe.
pub(super) fn run<'a>(setting: Setting<'a>) -> Pin<Box<dyn Future<Output = Vec<Judged>> + 'a>> {
    Box::pin(async move { setting.proves().iter().map(|requirement| Judged::pass(requirement)).collect() })
}
