// Package archive holds the activities that put files of a case into a bucket: an attachment, downloaded from a temporary URL, and a result
// that is too large for a history.
//
// The package knows buckets, downloads, sizes, hashes and forbidden addresses. The provider is behind the interface Provider; its errors are
// returned unchanged, except that a file that the provider does not know is retried only until LagUntil. The workflow decides which files are
// stored and when.
//
// The key of a file is made of the account, the reference, the caseId and the attachment, so that a repetition stores it in the same place. A
// file is downloaded into an unnamed local file, hashed, and then put into the bucket with its size and hash as metadata. An object with both
// was stored whole, so a retry after a crash does not download it again. An incomplete object is never visible under the key.
//
// If the size or type of a file differs from what the provider said, the file is downloaded again several times, each time with a new URL,
// and then stored and marked. The bytes are stored unchanged: the request asks for no content encoding, and nothing is decoded.
//
// A download URL is a secret until it expires. No parameter, result, heartbeat, error or log contains one.
//
// The workflow that schedules the activities sets their retry policy. Each attempt gets a new download URL. Final errors are non-retryable.
// The heartbeat timeout must be well above 10 s, the interval of heartbeats. The start-to-close timeout must be long enough for a whole file,
// since each attempt starts from the beginning.
package archive
