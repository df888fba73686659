// Package resultschema checks the result of a case against the resultSchema of its request, which is a JSON Schema: of the draft that its
// $schema names, else 2020-12.
//
// Both sides are strangers: an app may send any schema, and Offload any result. So nothing is fetched for a schema (a $ref that leads out of it
// makes it unusable), schema and result are bounded in size and depth, the work is counted and given up beyond a limit, and no reason repeats a
// value. Formats are asserted as the draft says: by draft-07 and older ones only.
package resultschema
