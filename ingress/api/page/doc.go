// Package page is what people work from in a browser: what is to do, cases, activations, deliveries, notices and health.
//
// It is a caller of the API in the same process: each thing that it shows or does is a call of package api with the visitor's token, so the
// API alone decides who may do what, checks the input and records who acted. What a token may not do has no button.
//
// Pages are rendered here and work without JavaScript: forms post, and a redirect follows. The one script brings pages up to date and never
// touches a form that a person has begun. Texts of providers and people are shown as text: package html/template escapes them, and clean makes
// control characters visible.
//
// A visitor signs in with a token of the API. The session is the token in a cookie, sealed by the keyring: any process with the same keyring knows
// it, also after a restart, and a token that is removed ends its sessions. A sign-out removes the cookie from the browser, and the process that
// answers refuses copies of it. Another process takes a copy that was stolen before until it was not used for two hours, or is twelve hours
// old: remove the token to end it at once. Without tokens, on loopback, there is nothing to sign in to.
package page
