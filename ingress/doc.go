// Package ingress is the HTTP server that providers post webhooks to.
//
// It verifies, stores and answers: a 2xx is sent only after the inbox has the event on disk. It knows the routes, the order of
// checks and the answer to each mistake. It knows no rule of any workflow, nor that Temporal exists; the relay sends what is
// stored to its workflow.
//
// The order of checks: method and path, size while reading, signature or token over the raw bytes, gzip within the size cap, kind and
// dedupe key, store, answer. A verified body that can't be parsed is answered with 204 as well, since a retry would bring the same
// bytes; it is stored as dead.
//
// No token, path, query, body or header value of a request is logged, except the Content-Encoding of a verified body that can't be
// read: paths carry tokens, and bodies carry API keys and personal data. Logs and metrics name the route pattern.
package ingress
