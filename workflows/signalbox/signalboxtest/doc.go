// Package signalboxtest is a fake for the tests of business apps: a client whose cases and activations live in memory, and a Provider
// that plays Offload and Artmail. It needs no Temporal, no worker and no network.
//
//	apps, fake := signalboxtest.New(t, signalbox.Options{})
//	go myapp.Buy(ctx, apps)               // it starts the case "vendor_2048" and waits
//	question := fake.Ask("vendor_2048", "Is a signed PDF fine?")
//	answer := fake.AwaitAnswer("vendor_2048", question)
//	fake.Complete("vendor_2048", map[string]any{"signedW9Received": true})
//
// The clock runs, but no timer fires by itself: Fake.Advance fires those of deadlines, reminders and everything else that comes with time.
//
// Cases and activations follow the same rules as the real workflows, so updates are refused as in production. The fake passes the suite
// of package conformance, as the real server does. These parts are missing: it polls a case only after its adoption and after
// an answer, so otherwise only Case.ReconcileNow finds an end whose webhook was lost; it checks no approvals after their deadline, it stores no files, and notices go to Fake.Notices only.
package signalboxtest
