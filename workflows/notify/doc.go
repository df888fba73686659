// Package notify is the workflow "notify", which delivers the notices of one other workflow, its source: in order to each target, one
// delivery under way for each, always as an activity that the server retries. It goes on receiving meanwhile, and one target that is away
// holds up no other.
//
// The hand-off of the source starts and signals it. It ends by itself ten minutes after its last delivery, or thirty days where a
// target answered 410 and so wants no more; it stays for as long as it holds notices that were given up. It continues as new with deliveries under way: these begin again, so a receiver may be told twice.
package notify
