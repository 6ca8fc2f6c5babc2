//! The resources and templates: what is listed, and what reading them gives. Sends nothing.

use serde_json::{Value, json};

use crate::protocol::Revision;

use super::tools::{PIXEL, icons};
use super::world::World;

/// The resource that changes when the tool `touch` is called.
pub(super) const COUNTER: &str = "mock://counter";

/// A silent sound.
pub(super) const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// Languages that the greeting template knows.
pub(super) const GREETINGS: [(&str, &str); 4] =
    [("en", "Hello"), ("de", "Guten Tag"), ("fi", "Hyvää päivää"), ("ja", "こんにちは")];

/// The highest number of the squares template.
pub(super) const SQUARES: u64 = 149;

/// The templates: URI template, name, title, about, type.
const TEMPLATES: [(&str, &str, &str, &str, &str); 3] = [
    ("mock://squares/{number}", "square", "Square", "The square of a number from 0 to 149", "text/plain"),
    ("mock://greetings/{language}/{name}", "greeting", "Greeting", "A greeting in a language", "text/plain"),
    ("mock://texts/{name}", "text", "Text", "One of the texts", "text/plain"),
];

/// A resource that is listed.
struct Resource {
    uri: &'static str,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    kind: &'static str,
    body: Body,
}

enum Body {
    Text(&'static str),
    /// Base64, and how many bytes that is.
    Blob(&'static str, usize),
    Counter,
}

const RESOURCES: [Resource; 6] = [
    Resource {
        uri: "mock://texts/welcome",
        name: "welcome",
        title: "Welcome",
        about: "A short text",
        kind: "text/plain",
        body: Body::Text("Welcome, benvenuti, ようこそ.\n"),
    },
    Resource {
        uri: "mock://texts/poem",
        name: "poem",
        title: "Poem",
        about: "A text of two lines",
        kind: "text/plain",
        body: Body::Text("The wire is bare,\nthe line is long.\n"),
    },
    Resource {
        uri: "mock://data/table",
        name: "table",
        title: "Table",
        about: "Some data",
        kind: "application/json",
        body: Body::Text("{\"rows\":[[1,\"one\"],[2,\"two\"]]}"),
    },
    Resource {
        uri: "mock://images/dot",
        name: "dot",
        title: "Dot",
        about: "An image of one pixel",
        kind: "image/png",
        body: Body::Blob(PIXEL, 70),
    },
    Resource {
        uri: COUNTER,
        name: "counter",
        title: "Counter",
        about: "How often the tool `touch` was called",
        kind: "text/plain",
        body: Body::Counter,
    },
    Resource {
        uri: "mock://extra",
        name: "extra",
        title: "Extra",
        about: "Is there only while the extras are",
        kind: "text/plain",
        body: Body::Text("An extra."),
    },
];

/// The resources that are there, as a revision shows them.
pub(super) fn listed(revision: Revision, world: &World) -> Vec<Value> {
    there(world).map(|resource| resource.shown(revision, world)).collect()
}

/// The templates as a revision shows them.
pub(super) fn templates(revision: Revision) -> Vec<Value> {
    TEMPLATES
        .iter()
        .map(|(template, name, title, about, kind)| {
            let mut shown = json!({"uriTemplate": template, "name": name, "description": about, "mimeType": kind});
            if revision >= Revision::V2025_06_18 {
                shown["title"] = json!(title);
            }
            if revision >= Revision::V2025_11_25 {
                shown["icons"] = icons();
            }
            shown
        })
        .collect()
}

/// Whether a URI template, or a resource, of this text is listed.
pub(super) fn is_known(reference: &str, world: &World) -> bool {
    TEMPLATES.iter().any(|template| template.0 == reference) || there(world).any(|resource| resource.uri == reference)
}

/// What reading a URI gives; `None` where there is no such resource.
pub(super) fn read(uri: &str, world: &World) -> Option<Value> {
    if let Some(resource) = there(world).find(|resource| resource.uri == uri) {
        return Some(resource.contents(world));
    }
    let (kind, rest) = uri.strip_prefix("mock://")?.split_once('/')?;
    let text = match kind {
        "squares" => {
            let number: u64 =
                rest.parse().ok().filter(|number: &u64| *number <= SQUARES && number.to_string() == rest)?;
            (number * number).to_string()
        }
        "greetings" => {
            let (language, name) = rest.split_once('/')?;
            let (_, greeting) = GREETINGS.iter().find(|(known, _)| *known == language)?;
            let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.%".contains(c));
            plain.then(|| format!("{greeting}, {name}!"))?
        }
        _ => return None,
    };
    Some(json!({"uri": uri, "mimeType": "text/plain", "text": text}))
}

fn there(world: &World) -> impl Iterator<Item = &'static Resource> {
    let extras = world.extras;
    RESOURCES.iter().filter(move |resource| extras || resource.name != "extra")
}

impl Resource {
    fn shown(&self, revision: Revision, world: &World) -> Value {
        let mut shown = json!({
            "uri": self.uri,
            "name": self.name,
            "description": self.about,
            "mimeType": self.kind,
            "annotations": {"audience": ["user", "assistant"], "priority": 0.5},
        });
        match self.body {
            Body::Text(text) => shown["size"] = json!(text.len() + world.grown),
            Body::Blob(_, size) => shown["size"] = json!(size),
            Body::Counter => {}
        }
        if revision >= Revision::V2025_06_18 {
            shown["title"] = json!(self.title);
            shown["annotations"]["lastModified"] = json!("2026-01-01T00:00:00Z");
        }
        if revision >= Revision::V2025_11_25 {
            shown["icons"] = icons();
        }
        shown
    }

    fn contents(&self, world: &World) -> Value {
        match self.body {
            Body::Text(text) => {
                json!({"uri": self.uri, "mimeType": self.kind, "text": text.to_owned() + &".".repeat(world.grown)})
            }
            Body::Blob(data, _) => json!({"uri": self.uri, "mimeType": self.kind, "blob": data}),
            Body::Counter => json!({"uri": self.uri, "mimeType": self.kind, "text": world.counter.to_string()}),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn what_is_listed_can_be_read_and_has_the_size_told() {
        let world = World { counter: 7, grown: 2, extras: true };
        for resource in listed(Revision::V2026_07_28, &world) {
            let contents = read(resource["uri"].as_str().expect("a text"), &world).expect("it is listed");
            let bytes = match (contents["text"].as_str(), contents["blob"].as_str()) {
                (Some(text), None) => text.as_bytes().to_vec(),
                (None, Some(blob)) => base64::prelude::BASE64_STANDARD.decode(blob).expect("base64"),
                _ => panic!("text or blob: {contents}"),
            };
            if let Some(size) = resource.get("size") {
                assert_eq!(*size, bytes.len(), "{resource}");
            }
        }
    }

    #[test]
    fn templates_can_be_filled_in() {
        let world = World::default();
        assert_eq!(read("mock://squares/12", &world).expect("in range")["text"], "144");
        assert_eq!(read("mock://greetings/fi/Aino", &world).expect("known")["text"], "Hyvää päivää, Aino!");
        for nowhere in [
            "mock://squares/150",
            "mock://squares/012",
            "mock://greetings/xx/A",
            "mock://extra",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(read(nowhere, &world), None, "{nowhere}");
        }
    }
}
