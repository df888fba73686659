// Package archive holds the activities that put files of a case into a bucket: an attachment, streamed from a temporary download URL, and a
// result that is too large for a history.
//
// It knows buckets, downloads, sizes and hashes, and where a download must not lead. It knows no provider: who has the files is behind the
// interface Provider, and what a provider says of a failure passes through, except that a file that it does not know is asked for again only
// until LagUntil. Nor does it know the workflow: which files are wanted, and when.
//
// A file has one key, made of the account, the reference, the caseId and the attachment, so that whoever stores it again stores it in the
// same place. It is fetched into a nameless local file first, hashed on the way, and then put into the bucket with its size and hash beside
// it. An object that carries both was stored whole, and is not fetched again after a crash; a part of one never stands under its key.
//
// A file that comes with another size or type than the provider told is fetched again some times, each time by a fresh URL, and then stored and
// marked. A file is stored as its own bytes: nothing is asked to be encoded for the way, and nothing is decoded.
//
// Download URLs are secrets for as long as they live. They stand in no parameter, result, heartbeat, error or log.
//
// The retry policy belongs to whoever schedules the activities. A retried attempt asks for a fresh download URL. What is final is marked so.
// The heartbeat timeout must be well above 10 s (Beat), and the start-to-close timeout long enough for a whole file: an attempt starts from its
// beginning.
package archive
