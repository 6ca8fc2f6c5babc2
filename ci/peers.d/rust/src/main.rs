//! A small MCP server on the official Rust SDK (rmcp), over stdio or Streamable HTTP on loopback.
//! Usage: peer-rust stdio | peer-rust http PORT [stateful|stateless]

use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    model::{
        CallToolResult, CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock, Implementation,
        ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams, ProgressNotificationParam,
        PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents,
        ResourceTemplate, Role, ServerCapabilities, ServerConfig,
    },
    prompt, prompt_handler, prompt_router, schemars,
    service::RequestContext,
    tool, tool_handler, tool_router,
    transport::streamable_http_server::{
        session::local::LocalSessionManager, StreamableHttpServerConfig, StreamableHttpService,
    },
    ErrorData, RoleServer, ServerHandler, ServiceExt,
};

const TONES: [&str; 3] = ["formal", "friendly", "terse"];
const WORDS: [&str; 3] = ["anchor", "beacon", "compass"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["stdio"] => {
            Peer.serve(rmcp::transport::stdio()).await?.waiting().await?;
        }
        ["http", port] => serve_http(port.parse()?, true).await?,
        ["http", port, "stateful"] => serve_http(port.parse()?, true).await?,
        ["http", port, "stateless"] => serve_http(port.parse()?, false).await?,
        _ => return Err("usage: peer-rust stdio | http PORT [stateful|stateless]".into()),
    }
    Ok(())
}

async fn serve_http(port: u16, sessions: bool) -> Result<(), Box<dyn std::error::Error>> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(sessions)
        .with_allowed_origins(["http://127.0.0.1:*", "http://localhost:*"]);
    let service = StreamableHttpService::new(|| Ok(Peer), LocalSessionManager::default().into(), config);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
    Ok(())
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Name {
    /// Whom to greet
    name: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Text {
    /// The text to measure
    text: String,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Steps {
    /// How many steps to take
    steps: u8,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Measure {
    words: usize,
    letters: usize,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Letter {
    /// What the letter is about
    topic: String,
    /// How the letter should sound
    tone: Option<String>,
}

#[derive(Clone)]
struct Peer;

#[tool_router]
impl Peer {
    #[tool(description = "Greet someone", annotations(read_only_hint = true))]
    fn greet(&self, Parameters(Name { name }): Parameters<Name>) -> String {
        format!("Hello, {name}!")
    }

    #[tool(description = "Count the words and letters of a text", annotations(read_only_hint = true))]
    fn measure(&self, Parameters(Text { text }): Parameters<Text>) -> Json<Measure> {
        Json(Measure {
            words: text.split_whitespace().count(),
            letters: text.chars().filter(|c| c.is_alphabetic()).count(),
        })
    }

    #[tool(description = "Count up, reporting progress", annotations(read_only_hint = true))]
    async fn count(
        &self,
        Parameters(Steps { steps }): Parameters<Steps>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        for step in 1..=steps {
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(step)).with_total(f64::from(steps));
                let sent = context.peer.notify_progress(progress).await;
                sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            }
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("Counted to {steps}"))]))
    }

    #[tool(description = "Always fail", annotations(read_only_hint = true))]
    fn fail(&self) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text("This tool always fails")])
    }
}

#[prompt_router]
impl Peer {
    /// Compose a letter
    #[prompt(name = "compose")]
    async fn compose(&self, Parameters(Letter { topic, tone }): Parameters<Letter>) -> Vec<PromptMessage> {
        let tone = tone.as_deref().unwrap_or("friendly");
        vec![PromptMessage::new_text(Role::User, format!("Write a {tone} letter about {topic}."))]
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_tools()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("peer-rust", "0.1.0"))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![Resource::new("peer://motto", "motto")
            .with_description("The motto of the day")
            .with_mime_type("text/plain")]))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![ResourceTemplate::new("peer://word/{word}", "word")
            .with_description("A word of the dictionary")
            .with_mime_type("text/plain")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let text = match request.uri.strip_prefix("peer://") {
            Some("motto") => "Measure twice, cut once.".to_string(),
            Some(path) => path
                .strip_prefix("word/")
                .filter(|word| WORDS.contains(word))
                .map(|word| format!("{word}: a word"))
                .ok_or_else(|| not_found(&request.uri))?,
            None => return Err(not_found(&request.uri)),
        };
        let contents = ResourceContents::text(text, request.uri).with_mime_type("text/plain");
        Ok(ReadResourceResult::new(vec![contents]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let from: &[&str] = match (&request.r#ref, request.argument.name.as_str()) {
            (rmcp::model::Reference::Prompt(prompt), "tone") if prompt.name == "compose" => &TONES,
            (rmcp::model::Reference::Resource(resource), "word") if resource.uri == "peer://word/{word}" => &WORDS,
            _ => return Err(ErrorData::invalid_params("nothing to complete there", None)),
        };
        let values = from.iter().filter(|value| value.starts_with(&request.argument.value));
        let values = CompletionInfo::with_all_values(values.map(ToString::to_string).collect());
        Ok(CompleteResult::new(values.map_err(|error| ErrorData::internal_error(error, None))?))
    }
}

fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("Resource not found", Some(serde_json::json!({ "uri": uri })))
}
