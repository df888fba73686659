// Package resultschema checks the result of a case against the resultSchema of its request: a JSON Schema of the draft that its $schema
// names, else of 2020-12.
//
// Schema and result are not trusted: an app may send any schema, and Offload any result. So nothing is fetched (a $ref to outside makes a
// schema unusable), the size and depth of both are limited, a check that takes too long is stopped, and no Reason contains a value of
// the result. The keyword format is checked only for schemas of draft-07 or older, as the drafts define.
package resultschema
