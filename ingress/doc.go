// Package ingress is the HTTP server that providers post webhooks to.
//
// It verifies, stores and answers: a 2xx is sent only after the inbox has the event on disk. It knows the routes, the order of
// checks and what each mistake is answered with. It knows no rule of any workflow and not that Temporal exists; what is stored
// finds its workflow by the relay.
//
// The order of checks: method and path, size while reading, signature or token over the raw bytes, gzip within the size cap, kind and
// dedupe key, store, answer. What can't be
// understood but is verified is answered with 204 all the same, since a retry would bring the same bytes; it is kept and visible.
//
// No token, path, query, body or header value of a request is logged, but the Content-Encoding of a verified body that can't be read: paths carry tokens, and bodies carry API keys and personal
// data. Logs and metrics name the route pattern.
package ingress
