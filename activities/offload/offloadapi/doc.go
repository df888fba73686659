// Package offloadapi is the typed client of Offload's public API: its four routes and its errors. Each error says whether the request may
// have been carried out.
//
// The client maps a case to the facts of the contract. It works without Temporal and does not retry: a call is one request, sent at most
// once.
//
// The rules come from Offload's pages "Introduction", "Create case", "Get case", "Provide case input", "Get case attachment" and "Error
// handling". Where they say nothing, the client accepts what it can read and reports the fields that it can't read.
package offloadapi
