// Package ingress is the HTTP server that providers post webhooks to.
//
// It verifies each webhook, stores it and answers: it sends a 2xx only after the inbox has the event on disk. It does not know the
// workflows or Temporal; package relay sends the stored events to their workflows.
//
// # Answers
//
// The order of checks: method and path; for Offload the token, before the body is read; size while reading; for Artmail the signature
// over the raw bytes; gzip within the size cap; kind and dedupe key; store; answer.
//
//	What comes                                  Answer                Kept
//	verified, known kind                        204 after the commit  pending
//	verified, same dedupe key again             204                   a duplicate of the first; with another body, stored as a conflict
//	verified, unknown kind, or test.ping        204                   ignored, visible
//	verified, not parseable                     204                   dead, visible, can be replayed
//	bad token                                   401, body not read    counted
//	bad signature, or no such agent             401                   quarantined if there is such an agent
//	too many of these from one source           429 and Retry-After   as with 401
//	verified or unverified, body over its cap   413                   counted
//	body that does not arrive in time           408                   counted
//	body that ends before its length            400                   counted
//	no room in memory for the body              503 and Retry-After   counted
//	inbox can't store within its budget         503 and Retry-After   counted
//	another method; another path                405; 404              nothing
//	any, if the handler panics                  500                   the stack is logged, the request is not
//
// "Counted" means the metric signalbox_webhooks_total, by provider and outcome. The server closes the connection after each 400, 401, 408,
// 413 and 429, and after a 503 to a body that was not read. It answers 204 to a verified body that can't be parsed, since a retry would
// bring the same bytes. The cap is [Config.MaxBody]; for an Artmail body without a well-formed signature it is [QuarantineConfig.MaxBody].
//
// # Who can post what
//
// A capability URL of a case (/webhooks/offload/{reference}/{token}) lets its holder post events of that case: a result, a failure, a
// question. The token is a MAC over the reference; it is valid for this case only and does not expire. The holder can also fill the inbox
// with events of that case, each up to the cap, and use up to [Config.MaxInFlight] bytes of memory, since verified posts have no limit by
// source.
//
// The shared secret (/webhooks/offload-shared/{secret}) lets its holder post an event of any case that uses the shared route. The workflow
// does not trust such an event: it confirms each end by reading the case.
//
// An agent's webhook secret lets its holder post any event of that agent: activations with API keys of its choice, answers to
// approvals, pauses, force-failures. It gives no access to API keys that are stored.
//
// The keyring makes tokens and opens bodies: its holder can do all of the above for Offload, and can read all bodies of an inbox to which
// the holder has access.
//
// A stranger, who has none of these, can do at most this:
//   - Learn that the server exists, and from the answers which methods and paths it has. For a bad token or signature, the answer and the
//     work do not depend on whether the reference or agent exists. The stranger can learn whether the shared route is on.
//   - Use [Config.MaxUnverifiedInFlight] bytes of memory; verified bodies have their own. When they are used up, the slowest sender is cut,
//     so a webhook that comes in one piece is read. An unverified body must arrive within 2 seconds, or at 64 KiB a second. A true webhook
//     is cut only if a flood brings that many bytes while it arrives; Artmail then sends it again.
//   - Use connections until another sender needs one: the oldest connection without a verified webhook is closed for a new one. An
//     operator's health check on this listener counts as unverified too, and can open a new connection. A true webhook is cut only if a
//     flood opens [Config.MaxConnections] connections before the webhook is verified: while the headers of an Offload webhook arrive, or while
//     the headers and the body of an Artmail webhook arrive. Artmail then sends it again.
//   - Write to the quarantine of an agent, if it guesses the name. For each agent, bodies that look like agent.activated and other bodies are
//     limited separately: each to [QuarantineConfig.SourcePerHour] an hour from one source and [QuarantineConfig.Keep] an hour from all. Beyond
//     these limits, a body that looks like agent.activated is kept as an extra one while the agent has fewer than Keep such bodies, and a
//     source can repeat kept bodies 6 times Keep an hour. A body has at most [QuarantineConfig.MaxBody] bytes.
//   - Displace bodies there: an agent keeps Keep of them. Other bodies go first, then extra agent.activated, then the rest; in each group the
//     one that last arrived longest ago. With Keep/SourcePerHour sources, or with one source in as many hours, a stranger can displace true
//     agent.activated that wait for a corrected secret. Keep bodies that look like agent.activated displace other true events at once.
//   - Write lines to the log: two for each source, route and cause in a minute, and at most about 400 in all.
//   - Cost processor time and network traffic in proportion to its posts. A firewall or a proxy can limit that.
//
// A source is the IPv4 address or the IPv6 /64 of the peer. Behind a proxy that is not in [Config.TrustedProxies] all senders are one source.
// Then a stranger can make Artmail's own bad signatures get 429, and can use up their share of the quarantine and its free room; a verified
// post is never refused for its source. X-Forwarded-For counts only from a trusted proxy; the source is its last address that is not a
// trusted proxy. Its addresses may have ports.
//
// # Other secrets
//
// Each of these gives its holder access to something else:
//
//   - Access to the Temporal namespace needs an API key or a client certificate or, if the server asks for neither, only the network. The Web
//     UI has this access too. Its holder can start, answer, cancel and terminate all workflows, and read requests, questions, answers, results
//     and the people named in them, unless they are encrypted (see below). The name beside an answer is what the caller said; Signalbox does not
//     verify it. Agents' API keys are sealed there.
//   - The keyring opens API keys for a holder with access to the namespace, and bodies for a holder with access to the inbox. It makes
//     capability URLs.
//   - The inbox, a file or a database, shows without the keyring which events came, when, and for which reference or activation. Its
//     holder can delete or replay deliveries, but can't make or change a body: a sealed body opens only in its row.
//   - Offload's API key, which workers have, lets its holder read, create and answer all cases of the account at Offload itself. An agent's
//     API key does the same for its activation at Artmail.
//   - The bucket has the files of ended cases, as the provider served them.
//   - The internal listener shows health and metrics to everyone who can connect to it; they contain neither agents nor addresses. The rest
//     needs a token. On loopback without tokens it needs none: every program on the machine is the caller "local" with the scope admin. Web
//     pages of another origin are refused.
//   - An API token lets its holder do what its scopes say, at most for the token's accounts and agents. Its name is recorded as who acted.
//     cases:read and activations:read show requests, questions, answers, results, conversations at Offload, approvals and runs. cases:write
//     starts, answers, cancels and adopts cases; activations:write asks for approvals and opens and closes runs. Either can name configured
//     callbacks, and any workflow of the namespace but Signalbox's and Temporal's own, as targets of notices. cases:write resends and
//     dismisses the notices of cases, activations:write those of activations.
//     deliveries:read shows deliveries without the secret and personal parts of their bodies. deliveries:write replays, dismisses, releases
//     and purges them. keys:reveal shows API keys and, with deliveries:read, whole bodies. payloads:read and
//     payloads:write decrypt and encrypt what Temporal keeps. admin does all of it, reads the record of who acted, and catches up after an
//     outage.
//   - A session of the page is a token in a cookie, sealed by the keyring. Its holder has that token's scopes for 12 hours at most, or until the
//     token is removed. The keyring alone makes no valid session, because a session needs a valid token; but it opens a stolen cookie and shows
//     the token.
//   - A callback's secret lets its holder forge notices to that receiver: a completed case, an approval. It gives no access to Signalbox.
//   - The payload keys, or a token with payloads:read and access to the namespace, open all that Temporal keeps encrypted; sealed API keys stay
//     sealed. Without them, access to the namespace still shows workflow IDs, search attributes, names and times, and still terminates
//     workflows. Encryption proves no sender: payloads in clear text are accepted, so it can still start, signal and answer.
//
// The inbox records what a person reveals, replays, dismisses, releases or purges. The name comes from the person's machine (command line) or
// from the token (API). A person who opens the inbox with another program leaves no record.
//
// # What is logged
//
// Logs contain no token, path, query, body or header value of a request: paths carry tokens, and bodies carry API keys and personal data.
// Two header values are the exception: a request ID that a proxy gave, and the Content-Encoding of a verified body that can't be read. Logs
// name the route pattern. For a refusal they also name the configured agent and the sender's network: the /24 of an IPv4 address, the /48 of
// an IPv6 one. Refusals are sampled: the first of each cause, route and source in a minute is logged at once; the others are logged as one
// line with their count, at the next refusal after that minute or at the stop. On the internal listener, failed handshakes, failed
// sign-ins and other calls without a token are sampled too: of each message, the first ten in a minute are logged, then each thousandth.
// Metrics name routes and causes, neither agents nor addresses.
//
// A proxy in front records more: its access log usually has the whole path, and so every capability URL and the shared secret. A reader of
// that log can post events of those cases. Leave the path out of the log, or cut it after /webhooks/offload/{reference}; do the same with
// traces, error reports and the logs of a CDN. Offload's settings pages show the URLs to the people who may open them.
package ingress
