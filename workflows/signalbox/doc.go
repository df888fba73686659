// Package signalbox is what business apps import: it starts Offload cases and follows them, and works with Artmail activations,
// over any Temporal client.
//
//	c, err := signalbox.New(temporalClient, signalbox.Options{})
//	cs, err := c.StartCase(ctx, workflows.CaseStart{Reference: "vendor_2048", Request: …})
//	outcome, err := cs.Wait(ctx)
//
// It knows the contract (package workflows) and the keyring; it knows no workflow code and no provider. Errors wrap the sentinels
// of this package, so that errors.Is tells them apart.
package signalbox
