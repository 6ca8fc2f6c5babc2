//! Where the official JSON Schema files say something other than the TypeScript they are generated from. Data only.

use serde_json::{Value, json};

use mcp_litmus::protocol::Revision::{
    self, V2024_11_05 as R1, V2025_06_18 as R3, V2025_11_25 as R4, V2026_07_28 as R5,
};

/// One mistake of the official files, wherever it was made.
pub(crate) struct Erratum {
    pub(crate) why: &'static str,
    /// What stands there.
    pub(crate) official: Value,
    /// What should.
    pub(crate) truth: Value,
    /// First revision, last revision, and the pointer from the definitions on.
    pub(crate) places: &'static [(Revision, Revision, &'static str)],
}

impl Erratum {
    pub(crate) fn places_in(&self, revision: Revision) -> impl Iterator<Item = &'static str> {
        let places = self.places.iter().filter(move |(since, until, _)| (*since..=*until).contains(&revision));
        places.map(|(_, _, pointer)| *pointer)
    }
}

pub(crate) fn all() -> Vec<Erratum> {
    vec![
        Erratum {
            why: "`number` in schema.ts; where the text wants integers, requirements of their own say so",
            official: json!("integer"),
            truth: json!("number"),
            places: &[
                (R1, R5, "/CompleteResult/properties/completion/properties/total/type"),
                (R1, R5, "/Resource/properties/size/type"),
                (R3, R5, "/ResourceLink/properties/size/type"),
                (R1, R3, "/CreateMessageRequest/properties/params/properties/maxTokens/type"),
                (R4, R5, "/CreateMessageRequestParams/properties/maxTokens/type"),
                (R1, R3, "/JSONRPCError/properties/error/properties/code/type"),
                (R4, R5, "/Error/properties/code/type"),
                (R3, R5, "/StringSchema/properties/minLength/type"),
                (R3, R5, "/StringSchema/properties/maxLength/type"),
                (R4, R5, "/TitledMultiSelectEnumSchema/properties/minItems/type"),
                (R4, R5, "/TitledMultiSelectEnumSchema/properties/maxItems/type"),
                (R4, R5, "/UntitledMultiSelectEnumSchema/properties/minItems/type"),
                (R4, R5, "/UntitledMultiSelectEnumSchema/properties/maxItems/type"),
                (R4, R4, "/Task/properties/pollInterval/type"),
                (R4, R4, "/TaskMetadata/properties/ttl/type"),
                (R5, R5, "/CacheableResult/properties/ttlMs/type"),
                (R5, R5, "/DiscoverResult/properties/ttlMs/type"),
                (R5, R5, "/ListPromptsResult/properties/ttlMs/type"),
                (R5, R5, "/ListResourceTemplatesResult/properties/ttlMs/type"),
                (R5, R5, "/ListResourcesResult/properties/ttlMs/type"),
                (R5, R5, "/ListToolsResult/properties/ttlMs/type"),
                (R5, R5, "/ReadResourceResult/properties/ttlMs/type"),
            ],
        },
        Erratum {
            why: "`string | number` in schema.ts",
            official: json!(["string", "integer"]),
            truth: json!(["string", "number"]),
            places: &[(R1, R5, "/RequestId/type"), (R1, R5, "/ProgressToken/type")],
        },
        Erratum {
            why: "`number | null` in schema.ts",
            official: json!(["integer", "null"]),
            truth: json!(["number", "null"]),
            places: &[(R4, R4, "/Task/properties/ttl/type")],
        },
        Erratum {
            why: "`string | number | boolean` in schema.ts: a form may ask for fractions",
            official: json!(["string", "integer", "boolean"]),
            truth: json!(["string", "number", "boolean"]),
            places: &[
                (R3, R3, "/ElicitResult/properties/content/additionalProperties/type"),
                (R4, R5, "/ElicitResult/properties/content/additionalProperties/anyOf/1/type"),
            ],
        },
        Erratum {
            why: "any JSON value in schema.ts: fractions and null were lost",
            official: json!(["string", "integer", "boolean"]),
            truth: json!(["string", "number", "boolean", "null"]),
            places: &[(R5, R5, "/JSONValue/anyOf/2/type")],
        },
    ]
}
