//! Holds messages against the JSON Schema of a revision and says in plain words where they break it. Knows neither
//! requirements nor verdicts; reads no file.
//!
//! The schemas carry the official names and follow the TypeScript of the specification: a `number` is any number, other
//! members are always allowed, a `format` is a note. `tests/schemas` holds them against the official JSON Schema files.
//! The tasks extension of 2026-07-28 has no such file; its definitions begin with `TasksExtension`.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use super::Revision;
use super::violation::{self, Violation};

/// The definitions of one revision, each compiled when first used.
#[derive(Debug)]
pub struct Definitions {
    revision: Revision,
    registry: Registry<'static>,
    validators: HashMap<String, OnceLock<Validator>>,
}

impl Definitions {
    /// The definitions of a revision.
    pub fn of(revision: Revision) -> &'static Self {
        static ALL: [LazyLock<Definitions>; Revision::ALL.len()] = [
            LazyLock::new(|| Definitions::load(Revision::V2024_11_05)),
            LazyLock::new(|| Definitions::load(Revision::V2025_03_26)),
            LazyLock::new(|| Definitions::load(Revision::V2025_06_18)),
            LazyLock::new(|| Definitions::load(Revision::V2025_11_25)),
            LazyLock::new(|| Definitions::load(Revision::V2026_07_28)),
        ];
        &ALL[revision as usize]
    }

    /// The JSON Schema of a revision, as it is kept here.
    pub fn schema(revision: Revision) -> &'static str {
        match revision {
            Revision::V2024_11_05 => include_str!("../../schemas/2024-11-05.json"),
            Revision::V2025_03_26 => include_str!("../../schemas/2025-03-26.json"),
            Revision::V2025_06_18 => include_str!("../../schemas/2025-06-18.json"),
            Revision::V2025_11_25 => include_str!("../../schemas/2025-11-25.json"),
            Revision::V2026_07_28 => include_str!("../../schemas/2026-07-28.json"),
        }
    }

    /// Whether the revision defines this name.
    pub fn contains(&self, definition: &str) -> bool {
        self.validators.contains_key(definition)
    }

    /// The names that the revision defines, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.validators.keys().map(String::as_str)
    }

    /// Where an instance breaks a definition: nowhere, or at most [`Violation::LIMIT`] places.
    ///
    /// # Panics
    ///
    /// If the revision has no such definition; [`Definitions::contains`] tells.
    pub fn violations(&self, definition: &str, instance: &Value) -> Vec<Violation> {
        let validator = self.validator(definition);
        if validator.is_valid(instance) { Vec::new() } else { violation::collect(validator.iter_errors(instance)) }
    }

    /// Whether an instance satisfies a definition; cheaper than asking for its violations.
    ///
    /// # Panics
    ///
    /// If the revision has no such definition.
    pub fn accepts(&self, definition: &str, instance: &Value) -> bool {
        self.validator(definition).is_valid(instance)
    }

    fn load(revision: Revision) -> Self {
        let schema: Value = serde_json::from_str(Self::schema(revision)).expect("a test reads every schema");
        let names = schema["$defs"].as_object().expect("a test reads every schema").keys();
        let validators = names.map(|name| (name.clone(), OnceLock::new())).collect();
        let registry = Registry::new()
            .add(address(revision), schema)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .expect("the address is fixed, and nothing outside is referred to");
        Self { revision, registry, validators }
    }

    fn validator(&self, definition: &str) -> &Validator {
        let slot = self.validators.get(definition);
        let slot = slot.unwrap_or_else(|| panic!("{} has no definition `{definition}`", self.revision));
        slot.get_or_init(|| {
            let schema = json!({"$ref": format!("{}#/$defs/{definition}", address(self.revision))});
            let options = jsonschema::draft202012::options().with_registry(&self.registry);
            options.build(&schema).expect("a test compiles every definition")
        })
    }
}

fn address(revision: Revision) -> String {
    format!("https://mcp-litmus.invalid/{revision}.json")
}

#[cfg(test)]
mod tests {
    use super::super::Profile;
    use super::*;

    fn violations(definition: &str, instance: &Value) -> Vec<String> {
        let found = Definitions::of(Revision::V2025_11_25).violations(definition, instance);
        found.into_iter().map(|v| v.to_string()).collect()
    }

    #[test]
    fn every_definition_compiles_and_the_profiles_name_only_these() {
        for revision in Revision::ALL {
            let definitions = Definitions::of(revision);
            for name in definitions.names() {
                definitions.accepts(name, &Value::Null);
            }
            for name in Profile::of(revision).definitions() {
                assert!(definitions.contains(name), "{revision}: the profile names {name}");
            }
        }
    }

    #[test]
    fn a_sound_result_breaks_nothing() {
        let result = json!({"content": [{"type": "text", "text": "hello", "x-more": 1}], "isError": false, "more": []});
        for revision in &Revision::ALL[..4] {
            assert_eq!(Definitions::of(*revision).violations("CallToolResult", &result), []);
        }
        let stateless = Definitions::of(Revision::V2026_07_28).violations("CallToolResult", &result);
        let lacks = vec!["resultType".to_owned()];
        assert_eq!(stateless, [Violation { pointer: String::new(), message: "lacks `resultType`".into(), lacks }]);
    }

    #[test]
    fn ids_may_be_fractions_and_sizes_too() {
        let response = json!({"jsonrpc": "2.0", "id": 1.5, "result": {}});
        assert_eq!(violations("JSONRPCResultResponse", &response), Vec::<String>::new());
    }

    #[test]
    fn a_revision_knows_its_own_content_blocks() {
        let result = json!({"content": [{"type": "audio", "data": "", "mimeType": "audio/wav"}]});
        assert!(!Definitions::of(Revision::V2024_11_05).accepts("CallToolResult", &result));
        assert!(Definitions::of(Revision::V2025_03_26).accepts("CallToolResult", &result));
    }

    #[test]
    fn the_branch_that_was_meant_is_the_one_that_speaks() {
        let result = json!({"content": [
            {"type": "text", "text": 5},
            {"type": "image", "data": "aGk="},
            {"type": "video", "data": "aGk="},
            "plain",
            {"text": "no type"},
        ]});
        assert_eq!(
            violations("CallToolResult", &result),
            [
                "/content/0/text must be a string, not 5",
                "/content/1 lacks `mimeType`",
                "/content/2/type must be \"text\", \"image\", \"audio\", \"resource\" or \"resource_link\", not \"video\"",
                "/content/3 must be an object, not \"plain\"",
                "/content/4 lacks `type`",
            ]
        );
    }

    #[test]
    fn branches_within_branches_are_followed() {
        let property = |schema: Value| {
            let params = json!({"message": "m", "requestedSchema": {"type": "object", "properties": {"p": schema}}});
            let request = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": params});
            violations("ElicitRequest", &request)
        };
        let at = "/params/requestedSchema/properties/p";
        assert_eq!(property(json!({"type": "integer", "minimum": 0.5})), Vec::<String>::new());
        assert_eq!(
            property(json!({"type": "integer", "minimum": "0"})),
            [format!("{at}/minimum must be a number, not \"0\"")]
        );
        assert_eq!(
            property(json!({"type": "object"})),
            [format!(
                "{at}/type must be \"string\", \"number\", \"integer\", \"boolean\" or \"array\", not \"object\""
            )]
        );
        assert_eq!(property(json!({"type": "string", "enum": "abc"})), Vec::<String>::new());
    }

    #[test]
    fn equal_chances_are_told_together() {
        let result = json!({"contents": [{"uri": "file:///a"}]});
        assert_eq!(violations("ReadResourceResult", &result), ["/contents/0 lacks `text` or `blob`"]);
        let response = json!({"jsonrpc": "2.0", "id": 1});
        assert_eq!(violations("JSONRPCResponse", &response), ["lacks `result` or `error`"]);
        let refusal = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1}});
        assert_eq!(violations("JSONRPCResponse", &refusal), ["/error lacks `message`"]);
    }

    #[test]
    fn a_place_is_named_once_and_most_exactly() {
        let error = json!({"jsonrpc": 2, "id": null, "error": {"code": "E", "message": null}});
        assert_eq!(
            violations("JSONRPCErrorResponse", &error),
            [
                "/jsonrpc must be \"2.0\", not 2",
                "/id must be a number or a string, not null",
                "/error/code must be a number, not \"E\"",
                "/error/message must be a string, not null",
            ]
        );
        let ping = json!({"jsonrpc": "2.0", "id": 1, "method": 7});
        assert_eq!(violations("PingRequest", &ping), ["/method must be \"ping\", not 7"]);
    }

    #[test]
    fn the_tasks_extension_has_its_shapes() {
        let stateless = Definitions::of(Revision::V2026_07_28);
        let task = |status: &str, more: Value| {
            let mut task = json!({
                "resultType": "complete", "taskId": "t", "status": status, "ttlMs": null,
                "createdAt": "2026-09-01T08:00:00Z", "lastUpdatedAt": "2026-09-01T08:00:00Z",
            });
            let more = more.as_object().expect("an object").clone();
            task.as_object_mut().expect("an object").extend(more);
            task
        };
        let get = |task: &Value| -> Vec<String> {
            let found = stateless.violations("TasksExtensionGetTaskResult", task);
            found.into_iter().map(|v| v.to_string()).collect()
        };
        assert_eq!(get(&task("working", json!({"pollIntervalMs": 500}))), Vec::<String>::new());
        assert_eq!(get(&task("completed", json!({}))), ["lacks `result`"]);
        assert_eq!(get(&task("failed", json!({"error": "no"}))), ["/error must be an object, not \"no\""]);
        assert_eq!(
            get(&task("input_required", json!({"inputRequests": []})))[0],
            "/inputRequests must be an object, not an array"
        );
        assert_eq!(get(&task("done", json!({}))).len(), 1);

        let created = task("working", json!({"resultType": "task"}));
        assert_eq!(stateless.violations("TasksExtensionCreateTaskResult", &created), []);
        let nested = json!({"resultType": "task", "task": created});
        assert!(!stateless.accepts("TasksExtensionCreateTaskResult", &nested));
        let notification =
            json!({"jsonrpc": "2.0", "method": "notifications/tasks", "params": task("cancelled", json!({}))});
        assert_eq!(stateless.violations("TasksExtensionTaskStatusNotification", &notification), []);
    }

    #[test]
    fn bounds_are_named() {
        let annotations = json!({"audience": ["user", "robot"], "priority": 1.5});
        assert_eq!(
            violations("Annotations", &annotations),
            ["/audience/1 must be \"user\" or \"assistant\", not \"robot\"", "/priority must be at most 1, not 1.5"]
        );
        let values: Vec<_> = (0..101).map(|n| n.to_string()).collect();
        let result = json!({"resultType": "complete", "completion": {"values": values}});
        let found = Definitions::of(Revision::V2026_07_28).violations("CompleteResult", &result);
        assert_eq!(found[0].to_string(), "/completion/values must have at most 100 items, not 101");
    }

    #[test]
    fn what_a_target_wrote_is_shown_in_part_only() {
        let long = "x".repeat(10_000);
        let found = violations("Annotations", &json!({"audience": [long], "priority": {"deep": [1, 2]}}));
        assert!(found[0].len() < 120, "{}", found[0]);
        assert_eq!(found[1], "/priority must be a number, not an object");
        let many = json!({"tools": vec![json!(1); 1000]});
        assert_eq!(violations("ListToolsResult", &many).len(), Violation::LIMIT);
    }
}
