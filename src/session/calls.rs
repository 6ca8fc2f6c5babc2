//! How often each tool may still be called. Counts; calls nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::wire::Message;

/// A bound on the calls of each tool, shared by the sessions of one run.
#[derive(Debug, Clone)]
pub struct CallBudget {
    most: usize,
    made: Arc<Mutex<HashMap<String, usize>>>,
    /// Whether a call was withheld from whoever holds this clone, or one made of it by [`Clone`].
    withheld: Arc<AtomicBool>,
}

impl CallBudget {
    /// So many calls of each tool.
    pub fn new(most: usize) -> Self {
        Self { most, made: Arc::default(), withheld: Arc::default() }
    }

    /// The same bound and the same count, for somebody who wants to know of his own calls whether one was withheld.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { withheld: Arc::default(), ..self.clone() }
    }

    /// Why something was withheld, if anything was.
    pub fn reason(&self) -> Option<String> {
        self.withheld.load(Ordering::Relaxed).then(|| {
            let most = self.most;
            format!("no tool is called more than {most} times in a run; --calls-per-tool N allows more")
        })
    }

    /// Counts the calls in a message; false where one of them is too many, and then none is counted.
    pub(super) fn take(&self, message: Option<&Value>) -> bool {
        let parts = message.map(|message| Message::from(message.clone()).parts()).unwrap_or_default();
        let called = |part: &Message| {
            let name = part.params().filter(|_| part.method() == Some("tools/call"))?.get("name")?.as_str()?;
            Some(name.to_owned())
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counted = made.clone();
        for name in parts.iter().filter_map(called) {
            let count = counted.entry(name).or_default();
            *count += 1;
            if *count > self.most {
                self.withheld.store(true, Ordering::Relaxed);
                return false;
            }
        }
        *made = counted;
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_tool_is_counted_for_itself() {
        let budget = CallBudget::new(2);
        let call = |name: &str| json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name}});
        let batch = Value::Array(vec![call("b"), call("b"), call("b")]);
        assert!(budget.take(Some(&call("a"))) && budget.take(Some(&call("a"))) && budget.take(None));
        assert_eq!(budget.reason(), None);
        let mine = budget.apart();
        assert!(!mine.take(Some(&call("a"))) && !mine.take(Some(&batch)) && mine.take(Some(&call("b"))));
        assert!(mine.reason().is_some_and(|reason| reason.contains("more than 2 times")));
        assert_eq!(budget.reason(), None, "what was withheld from another one is his affair");
    }
}
