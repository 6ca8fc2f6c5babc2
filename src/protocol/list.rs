//! The lists of what a server offers.

/// One list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    /// The capability that announces it.
    pub capability: &'static str,
    /// The method that reads a page of it.
    pub method: &'static str,
    /// The member of the result that holds the items.
    pub member: &'static str,
    /// The member of an item that tells it from others.
    pub key: &'static str,
}

/// Every list (specification: server/tools, server/resources, server/prompts).
pub const LISTS: [List; 4] = [
    List { capability: "tools", method: "tools/list", member: "tools", key: "name" },
    List { capability: "resources", method: "resources/list", member: "resources", key: "uri" },
    List {
        capability: "resources",
        method: "resources/templates/list",
        member: "resourceTemplates",
        key: "uriTemplate",
    },
    List { capability: "prompts", method: "prompts/list", member: "prompts", key: "name" },
];
