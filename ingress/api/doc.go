// Package api is the HTTP API under /v1: cases, activations and deliveries for business apps, agents' authors and operators.
//
// The document openapi.yaml comes first. oapi-codegen makes the routes and types of generated.go from it, and overlay.yaml names the Go types
// that its schemas stand for. At run time the same document says which scopes an operation needs and which requests are valid, so nothing of
// that stands here. Validation compiles each schema once, with the JSON Schema library that kin-openapi uses for each request anew.
//
// A request passes these steps: origin, token (401), scopes (403), agent of the path (403), parameters and body (400), then the handler, which
// checks the account of a case (403). Errors become problems in one place: problem.go.
package api
