//! The prompts: what is listed, and the messages they give. Sends nothing.

use serde_json::{Value, json};

use crate::protocol::Revision;

use super::answer::{Object, Refusal};
use super::resources::SILENCE;
use super::tools::{PIXEL, icons};

/// A prompt's argument.
struct Argument {
    name: &'static str,
    about: &'static str,
    required: bool,
}

/// A prompt that is listed.
pub(super) struct Prompt {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    arguments: &'static [Argument],
}

const PROMPTS: [Prompt; 5] = [
    Prompt { name: "greeting", title: "Greeting", about: "Says hello", arguments: &[] },
    Prompt {
        name: "review",
        title: "Review",
        about: "Asks for a review of some code",
        arguments: &[
            Argument { name: "code", about: "The code", required: true },
            Argument { name: "language", about: "Its language", required: false },
        ],
    },
    Prompt {
        name: "journey",
        title: "Journey",
        about: "Plans a journey to a city",
        arguments: &[
            Argument { name: "country", about: "The country", required: true },
            Argument { name: "city", about: "The city there", required: true },
        ],
    },
    Prompt { name: "gallery", title: "Gallery", about: "Shows content of every kind", arguments: &[] },
    Prompt { name: "extra", title: "Extra", about: "Is there only while the extras are", arguments: &[] },
];

/// The prompts that are there, as a revision shows them.
pub(super) fn listed(revision: Revision, extras: bool) -> Vec<Value> {
    there(extras).map(|prompt| prompt.shown(revision)).collect()
}

/// The prompt of this name, if it is there.
pub(super) fn find(name: &str, extras: bool) -> Option<&'static Prompt> {
    there(extras).find(|prompt| prompt.name == name)
}

fn there(extras: bool) -> impl Iterator<Item = &'static Prompt> {
    PROMPTS.iter().filter(move |prompt| extras || prompt.name != "extra")
}

impl Prompt {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it has an argument of this name.
    pub(super) fn takes(&self, argument: &str) -> bool {
        self.arguments.iter().any(|known| known.name == argument)
    }

    /// The result of `prompts/get`.
    pub(super) fn result(&self, revision: Revision, arguments: &Object) -> Result<Value, Refusal> {
        if arguments.values().any(|value| !value.is_string()) {
            return Err(Refusal::params("prompt arguments must be strings"));
        }
        if let Some(missing) = self.arguments.iter().find(|known| known.required && !arguments.contains_key(known.name))
        {
            return Err(Refusal::params(format!("the argument `{}` is required", missing.name)));
        }
        if let Some(unknown) = arguments.keys().find(|name| !self.takes(name)) {
            let shown: String = unknown.chars().take(60).collect();
            return Err(Refusal::params(format!("the prompt has no argument `{shown}`")));
        }
        let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let said = |role: &str, content: Value| json!({"role": role, "content": content});
        let text = |text: String| json!({"type": "text", "text": text});
        let messages = match self.name {
            "review" => {
                let language = if argument("language").is_empty() { "code" } else { argument("language") };
                vec![said("user", text(format!("Please review this {language}:\n{}", argument("code"))))]
            }
            "journey" => vec![
                said("user", text(format!("I want to go to {} in {}.", argument("city"), argument("country")))),
                said("assistant", text("When would you like to leave?".to_owned())),
            ],
            "gallery" => gallery(revision).into_iter().map(|content| said("user", content)).collect(),
            _ => vec![said("user", text("Hello!".to_owned()))],
        };
        Ok(json!({"description": self.about, "messages": messages}))
    }

    fn shown(&self, revision: Revision) -> Value {
        let titled = revision >= Revision::V2025_06_18;
        let mut shown = json!({"name": self.name, "description": self.about});
        if !self.arguments.is_empty() {
            let arguments = self.arguments.iter().map(|argument| {
                let mut shown =
                    json!({"name": argument.name, "description": argument.about, "required": argument.required});
                if titled {
                    shown["title"] = json!(argument.about);
                }
                shown
            });
            shown["arguments"] = arguments.collect();
        }
        if titled {
            shown["title"] = json!(self.title);
        }
        if revision >= Revision::V2025_11_25 {
            shown["icons"] = icons();
        }
        shown
    }
}

/// One content of each kind that a revision knows in prompts.
fn gallery(revision: Revision) -> Vec<Value> {
    let mut contents = vec![
        json!({"type": "text", "text": "One of each:", "annotations": {"audience": ["user"], "priority": 1}}),
        json!({"type": "image", "data": PIXEL, "mimeType": "image/png"}),
        json!({"type": "resource", "resource": {"uri": "mock://texts/poem", "mimeType": "text/plain",
               "text": "The wire is bare,\nthe line is long.\n"}}),
        json!({"type": "resource", "resource": {"uri": "mock://images/dot", "mimeType": "image/png", "blob": PIXEL}}),
    ];
    if revision >= Revision::V2025_03_26 {
        contents.push(json!({"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}));
    }
    if revision >= Revision::V2025_06_18 {
        contents.push(json!({"type": "resource_link", "uri": "mock://texts/welcome", "name": "welcome",
                             "title": "Welcome", "mimeType": "text/plain"}));
    }
    contents
}
