// Package signalbox is what business apps import: it starts Offload cases and follows them, and works with Artmail activations,
// over any Temporal client.
//
//	c, err := signalbox.New(temporalClient, signalbox.Options{})
//	cs, err := c.StartCase(ctx, workflows.CaseStart{Reference: "vendor_2048", Request: …})
//	outcome, err := cs.Wait(ctx)
//
// Lists, the to-do list and catching up after an outage read Temporal's visibility; the to-do list also reads the inbox where
// Options.Deliveries is set. Package signalboxtest has a fake for the tests of apps.
//
// An app's own workflows use it through the activities that NewActivities registers on the app's worker, and get notices by signals that
// ReceiveNotices takes once each (the example of Activities). The author of an Artmail agent runs a worker on the task queue that the
// agent's configuration names as checkApprovalQueue, with an activity "check-approval" that opens the activation's API key by OpenAPIKey
// (the example of Client.OpenAPIKey). That worker needs the ingress's keyring, and is restarted with the others when its keys are
// rotated, or it can't open what ResealAPIKeys has sealed anew.
//
// It knows the contract (package workflows) and the keyring; it knows no workflow code and no provider. Errors wrap the sentinels
// of this package, so that errors.Is tells them apart.
package signalbox
