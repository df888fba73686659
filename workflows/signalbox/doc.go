// Package signalbox is the client that business apps import. Over any Temporal client, it starts and follows Offload cases and works with
// Artmail activations.
//
//	c, err := signalbox.New(temporalClient, signalbox.Options{})
//	cs, err := c.StartCase(ctx, workflows.CaseStart{Reference: "vendor_2048", Request: …})
//	outcome, err := cs.Wait(ctx)
//
// The lists, the to-do list and CatchUp read Temporal's visibility. ToDo and CatchUp also use the inbox where Options.Deliveries is set.
// Package signalboxtest has a fake for the tests of apps.
//
// An app's own workflows call the client through activities: NewActivities registers them on the app's worker. Workflows get notices by
// signals, and ReceiveNotices drops the repeated ones. The example of Activities shows both.
//
// The author of an Artmail agent runs a worker with an activity "check-approval" on the task queue that the agent's configuration names
// as checkApprovalQueue. The activity opens the activation's API key with Client.OpenAPIKey; its example shows how. The worker needs the
// ingress's keyring. Restart it with the other processes when keys are rotated: with the old keyring it can't open keys that
// ResealAPIKeys has resealed.
//
// This package knows the contract (package workflows) and the keyring, but no workflow code and no provider. Its errors wrap the
// sentinels of this package: tell them apart with errors.Is.
package signalbox
