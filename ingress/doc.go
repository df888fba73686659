// Package ingress is the HTTP server that providers post webhooks to.
//
// It verifies, stores and answers: a 2xx is sent only after the inbox has the event on disk. It knows the routes, the order of
// checks and the answer to each mistake. It knows no rule of any workflow, nor that Temporal exists; the relay sends what is
// stored to its workflow.
//
// # Answers
//
// The order of checks: method and path; for Offload the token, before the body is read; size while reading; for Artmail the signature
// over the raw bytes; gzip within the size cap; kind and dedupe key; store; answer.
//
//	What comes                                  Answer                Kept
//	verified, known kind                        204 after the commit  pending
//	verified, same key again                    204                   counted on the first; another body is stored and flagged
//	verified, unknown kind, or test.ping        204                   ignored, visible
//	verified, not parseable                     204                   dead, visible, can be replayed
//	bad token                                   401, body not read    counted
//	bad signature, or no such agent             401                   quarantined if there is such an agent
//	bad ones repeatedly from one source         429 and Retry-After   as with 401
//	verified or unverified, body over its cap   413                   counted
//	body that does not arrive in time           408                   counted
//	body that ends before its length            400                   counted
//	no room in memory for the body              503 and Retry-After   counted
//	inbox can't store within its budget         503 and Retry-After   nothing
//	another method; another path                405; 404              nothing
//	what a fault in this program breaks         500                   logged with the place, without the request
//
// "Counted" is the metric signalbox_webhooks_total, by provider and outcome. The connection is closed after each 400, 401, 408, 413 and
// 429, and after a 503 to a body that was not read. A verified body that can't be parsed is answered with 204, since a retry would bring
// the same bytes. The cap is [Config.MaxBody]; for an Artmail body without a well-formed signature it is [QuarantineConfig.MaxBody].
//
// # Who can post what
//
// A capability URL of a case (/webhooks/offload/{reference}/{token}) lets its holder post events of that one case: a result, a failure, a
// question. The token is a MAC over the reference; it opens no other case and has no end. The holder can also fill the inbox with events
// of that case, each up to the cap, and hold up to [Config.MaxInFlight] bytes of memory, since a verified post has no limit by source.
//
// The shared secret (/webhooks/offload-shared/{secret}) lets its holder post an event of any case that uses the shared route. Such an event
// proves nothing: the workflow confirms each end by reading the case.
//
// An agent's webhook secret lets its holder post any event of that agent: activations with API keys of its choice, answers to
// approvals, pauses, force-failures. It gives no access to API keys that are stored.
//
// The keyring makes tokens and opens bodies: its holder can do all of the above for Offload, and can read what the inbox holds.
//
// A stranger, who has none of these, can do at most this:
//   - Learn that the server is there, and from the answers which methods and paths it has. The answer and the work are the same
//     for every bad token and every bad signature, whether or not there is such a reference or agent. From /webhooks/offload-shared/ it
//     can learn whether that route is on.
//   - Hold [Config.MaxUnverifiedInFlight] bytes of memory, apart from that for verified bodies. When they are used up, the slowest
//     sender is cut, so a webhook that comes in one piece is read. An unverified body must arrive within 2 seconds, or at 64 KiB a second.
//     Only a flood that brings as many bytes while one webhook is on its way cuts that one; Artmail sends it again.
//   - Hold connections until another sender needs one: the oldest connection without a verified webhook is closed for a new one.
//     An operator's health check on this listener is a stranger too, and opens a new connection. Only a flood that opens
//     [Config.MaxConnections] connections while one webhook's head is on its way cuts that one.
//   - Write to the quarantine of an agent, if it guesses the name: [QuarantineConfig.SourcePerHour] bodies an hour of each of two kinds from
//     one source, [QuarantineConfig.Keep] an hour from all sources, each up to [QuarantineConfig.MaxBody]. With Keep/SourcePerHour
//     sources, or alone within as many hours, it can push out true events that wait there for a corrected secret: those that look like
//     agent.activated last, and of those the ones that have not come again for longest.
//   - Write lines to the log: two for each source, route and cause in a minute, and at most about 400 in all.
//   - Take as much of the processor and the network as its posts cost; that is for a firewall or a proxy to limit.
//
// A source is the IPv4 address or the IPv6 /64 of the peer. Behind a proxy that is not in [Config.TrustedProxies] all senders are one source:
// then a stranger can get 429 for Artmail's bad signatures too, and can use up what is quarantined of them, but a verified post is never
// refused for its source. X-Forwarded-For counts only from a trusted proxy, read from its end to the first address that is not one.
//
// # Who can answer, and who can read
//
// What else is secret, and what its holder can do. Each is apart from the others:
//
//   - Access to the Temporal namespace (an API key, a client certificate, or the network where the server asks for neither; the Web UI has it
//     too) is access to all workflows: to start, answer, cancel and end them, and to read requests, questions, answers, results and the
//     people named in them. The name that stands beside an answer is what the caller said, not who it was. Agents' API keys are sealed there.
//   - The keyring opens those API keys together with access to the namespace, and the bodies together with the inbox. It makes capability URLs.
//   - The inbox, a file or a database, shows without the keyring which events came, when, and for which reference or activation. Its
//     holder can take deliveries away or hand them out again, but can't make or change a body: a body opens only in its own row.
//   - Offload's API key, which workers have, lets its holder read, create and answer all cases of the account at Offload itself. An agent's
//     API key does the same for its activation at Artmail.
//   - The bucket has the files of ended cases, as the provider served them.
//   - The internal listener shows health and metrics to all who reach it, with neither agents nor addresses; the rest needs one of its
//     tokens, where there are any.
//
// What a person reveals, releases, purges or replays by the command line is recorded in the inbox, with the name that the person's machine
// gives; access to the inbox itself can avoid that.
//
// # What is recorded
//
// No token, path, query, body or header value of a request is logged, except a request ID that a proxy gave, and the Content-Encoding of
// a verified body that can't be read: paths carry tokens, and bodies carry API keys and personal data. Logs name the route pattern and,
// of a refusal, the configured agent and the sender's network: the /24 of an IPv4 address, the /48 of an IPv6 one. Refusals are sampled:
// the first of each cause, route and source in a minute is logged at once, the others as one line with their count, at the next refusal
// after that minute or at the stop. Metrics name routes and causes, neither agents nor addresses.
//
// A proxy in front records more: its access log usually has the whole path, and so every capability URL and the shared secret. Whoever
// reads that log can post the events of those cases. Leave the path out of the log, or cut it after /webhooks/offload/{reference}, and
// treat tracing, error reports and a CDN's logs the same way. Offload's own settings show the URLs to whoever may read them.
package ingress
