//! Named misbehaviours of the built-in server, for what no rule over messages can say. The names are part of `.broken.yaml`.

use std::str::FromStr;

/// A misbehaviour that is code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quirk {
    /// `initialize` is answered with the oldest revision that it speaks, whatever was asked for.
    IgnoresVersion,
    /// `initialize` is answered with the revision that was asked for, known or not.
    EchoesAnyVersion,
    /// `initialize` with an unknown revision is refused.
    ErrorsOnUnknownVersion,
    /// `initialize` is answered with the newest revision that it speaks, whatever was asked for.
    NewestAlways,
    /// `initialize` with an unknown revision is answered with another unknown one.
    OffersUnknownVersion,
    /// Numeric ids come back as strings.
    StringIds,
    /// Does not exit when standard input is closed.
    IgnoresEof,
    /// Sessions are neither demanded nor looked up over HTTP: any id, or none, will do.
    NoSessionsChecked,
    /// Messages are printed over several lines.
    PrettyPrints,
    /// Lines are written in ISO 8859-1.
    Latin1,
    /// The answers to a batch are sent one by one.
    SplitsBatches,
    /// A session is forgotten as soon as it was opened.
    ForgetsSession,
    /// Cancelled requests are answered all the same.
    IgnoresCancellation,
    /// Log messages are sent whatever level was set.
    IgnoresLevel,
    /// Subscriptions are kept after they were ended.
    KeepsSubscriptions,
    /// Every page of a list is the first one.
    RepeatsPages,
    /// All suggestions come at once, however many there are.
    CompletesWithoutLimit,
    /// Any cursor is taken for the first page.
    AcceptsAnyCursor,
    /// Tools run with whatever arguments they are given.
    SkipsValidation,
    /// A call without `arguments` is refused, whatever the tool requires.
    WantsArguments,
    /// Asks the client for what it did not declare.
    AsksUndeclared,
    /// Remembers what an earlier request declared (stateless era).
    RemembersCapabilities,
    /// Accepts any `requestState`.
    TrustsState,
    /// `Mcp-*` headers are not compared with the body, and `MCP-Protocol-Version` is not looked at in a session.
    SkipsHeaders,
    /// `Origin` and `Host` are not looked at.
    AnyOrigin,
    /// Any `Origin` will do that agrees with `Host`.
    AgreeingOrigin,
    /// Change notifications go to all, asked for or not.
    NotifiesAll,
    /// Batches are refused in every revision.
    RefusesBatches,
    /// Batches are taken in every revision.
    AcceptsBatches,
    /// The parts of a batch are answered one by one.
    AnswersBatchesSingly,
    /// Lists come in another order each time.
    ShufflesLists,
    /// All requests to the client have the same id.
    ReusesIds,
    /// What belongs to no request goes to all streams that are open for it.
    Broadcasts,
    /// Session ids are counted.
    CountsSessions,
    /// Event ids are the same on every stream.
    RepeatsEventIds,
    /// Event ids begin anew with each session.
    CountsStreamsBySession,
    /// Event streams do not begin with an id.
    UnprimedStreams,
    /// Event streams do not end after the answer.
    KeepsStreamsOpen,
    /// Session ids have a blank in them.
    BlankSessionIds,
    /// Over HTTP+SSE, responses come in the body of the POST.
    AnswersInBody,
    /// Listens on all interfaces, not only where it was told to.
    ListensEverywhere,
    /// The two oldest revisions are mistaken for each other by `initialize`.
    SwapsVersions,
    /// Nothing is served before `server/discover` (stateless era).
    WantsDiscovery,
    /// Requests need no client capabilities (stateless era).
    NeedsNoCapabilities,
    /// Requests need no protocol version (stateless era).
    NeedsNoVersion,
    /// Requests need a `clientInfo` (stateless era).
    WantsClientInfo,
    /// The last page of a list has an empty cursor, and an empty cursor names the first one.
    EndsWithEmptyCursors,
    /// Resources come to the front of their list once cursors of it were used three times.
    GrowsList,
    /// A resource grows with each read, and is listed as long as it is then.
    GrowsResource,
    /// Cursors are known only on the connection that they were given on.
    BindsCursors,
    /// Each conversation has a resource of its own, and cursors that hold in it alone.
    OwnsData,
    /// Any token will do.
    AcceptsAnyToken,
    /// Whoever has no token is told that they may not, instead of how they might.
    ForbidsStrangers,
    /// Shows to all what it is and which prompts it has; its tools are for those who have a token.
    ShowsItself,
    /// Anybody may look at what it has, and only those who have a token may use it.
    KeepsUse,
    /// Says nothing of where tokens are had.
    HasKeysOfItsOwn,
    /// Has no document that tells where tokens are had.
    HasNoMetadata,
    /// Tokens have no scopes.
    HasNoScopes,
    /// Whoever has the id of a session needs no token.
    TrustsSessionIds,
    /// There are more tools than any model takes.
    ListsManyTools,
    /// A body that comes in chunks is waited for for ever.
    WaitsForLength,
    /// An event stream stays open until it has carried a response, though none may come.
    WaitsForResults,
    /// There are no sessions over HTTP: no id is given, and whoever comes is served.
    NoSessions,
    /// Session ids are tokens that count, and are signed.
    SignsSessionIds,
    /// Event streams begin with a comment.
    CommentsStreams,
    /// Results come as events, where nothing else comes with them too.
    StreamsResults,
    /// Closes each stream once it has an id, and has the rest for who comes back (2025-11-25).
    ClosesForPolling,
    /// Advertises an extension that nobody knows.
    HasExtensionsOfItsOwn,
    /// Answers come as JSON, and what goes with them on the stream of a GET, if there is one.
    AnswersInJson,
}

/// A name that no quirk has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no quirk of the built-in server")]
pub struct UnknownQuirk(String);

impl Quirk {
    /// Every quirk with its name.
    pub const TABLE: [(&'static str, Self); 69] = [
        ("ignores-version", Self::IgnoresVersion),
        ("echoes-any-version", Self::EchoesAnyVersion),
        ("errors-on-unknown-version", Self::ErrorsOnUnknownVersion),
        ("newest-always", Self::NewestAlways),
        ("offers-unknown-version", Self::OffersUnknownVersion),
        ("string-ids", Self::StringIds),
        ("ignores-eof", Self::IgnoresEof),
        ("no-sessions-checked", Self::NoSessionsChecked),
        ("pretty-prints", Self::PrettyPrints),
        ("latin-1", Self::Latin1),
        ("splits-batches", Self::SplitsBatches),
        ("forgets-session", Self::ForgetsSession),
        ("ignores-cancellation", Self::IgnoresCancellation),
        ("ignores-level", Self::IgnoresLevel),
        ("keeps-subscriptions", Self::KeepsSubscriptions),
        ("repeats-pages", Self::RepeatsPages),
        ("completes-without-limit", Self::CompletesWithoutLimit),
        ("accepts-any-cursor", Self::AcceptsAnyCursor),
        ("skips-validation", Self::SkipsValidation),
        ("wants-arguments", Self::WantsArguments),
        ("asks-undeclared", Self::AsksUndeclared),
        ("remembers-capabilities", Self::RemembersCapabilities),
        ("trusts-state", Self::TrustsState),
        ("skips-headers", Self::SkipsHeaders),
        ("any-origin", Self::AnyOrigin),
        ("agreeing-origin", Self::AgreeingOrigin),
        ("notifies-all", Self::NotifiesAll),
        ("refuses-batches", Self::RefusesBatches),
        ("accepts-batches", Self::AcceptsBatches),
        ("answers-batches-singly", Self::AnswersBatchesSingly),
        ("shuffles-lists", Self::ShufflesLists),
        ("reuses-ids", Self::ReusesIds),
        ("broadcasts", Self::Broadcasts),
        ("counts-sessions", Self::CountsSessions),
        ("repeats-event-ids", Self::RepeatsEventIds),
        ("counts-streams-by-session", Self::CountsStreamsBySession),
        ("unprimed-streams", Self::UnprimedStreams),
        ("keeps-streams-open", Self::KeepsStreamsOpen),
        ("blank-session-ids", Self::BlankSessionIds),
        ("answers-in-body", Self::AnswersInBody),
        ("listens-everywhere", Self::ListensEverywhere),
        ("swaps-versions", Self::SwapsVersions),
        ("wants-discovery", Self::WantsDiscovery),
        ("needs-no-capabilities", Self::NeedsNoCapabilities),
        ("needs-no-version", Self::NeedsNoVersion),
        ("wants-client-info", Self::WantsClientInfo),
        ("ends-with-empty-cursors", Self::EndsWithEmptyCursors),
        ("grows-list", Self::GrowsList),
        ("grows-resource", Self::GrowsResource),
        ("binds-cursors", Self::BindsCursors),
        ("owns-data", Self::OwnsData),
        ("accepts-any-token", Self::AcceptsAnyToken),
        ("forbids-strangers", Self::ForbidsStrangers),
        ("shows-itself", Self::ShowsItself),
        ("keeps-use", Self::KeepsUse),
        ("has-keys-of-its-own", Self::HasKeysOfItsOwn),
        ("has-no-metadata", Self::HasNoMetadata),
        ("has-no-scopes", Self::HasNoScopes),
        ("trusts-session-ids", Self::TrustsSessionIds),
        ("lists-many-tools", Self::ListsManyTools),
        ("waits-for-length", Self::WaitsForLength),
        ("waits-for-results", Self::WaitsForResults),
        ("no-sessions", Self::NoSessions),
        ("signs-session-ids", Self::SignsSessionIds),
        ("comments-streams", Self::CommentsStreams),
        ("streams-results", Self::StreamsResults),
        ("closes-for-polling", Self::ClosesForPolling),
        ("has-extensions-of-its-own", Self::HasExtensionsOfItsOwn),
        ("answers-in-json", Self::AnswersInJson),
    ];
}

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::TABLE
            .into_iter()
            .find_map(|(known, quirk)| (known == name).then_some(quirk))
            .ok_or_else(|| UnknownQuirk(name.to_owned()))
    }
}
