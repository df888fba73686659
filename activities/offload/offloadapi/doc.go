// Package offloadapi is the typed client of Offload's public API: its four routes, its errors, and what each failure says about
// whether the provider has done anything.
//
// It knows HTTP and the published wire forms, and maps a case to the facts of the contract. It knows nothing of Temporal, of
// retries or of when to call: a call is one request, sent at most once, and the error says what is certain about it.
//
// Source of every rule: Offload's pages "Introduction", "Create case", "Get case", "Provide case input", "Get case attachment"
// and "Error handling". Where they are silent the client accepts what it can read, and says so where it cannot.
package offloadapi
