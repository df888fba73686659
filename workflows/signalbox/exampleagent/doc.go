// Package exampleagent is an example of an Artmail agent. Copy it, and replace its work with your own. The agent writes a page for each
// brand that activates it, asks the brand for approval, and publishes the page if the brand approves.
//
// Signalbox receives Artmail's webhooks and keeps the state of activations. The agent has one workflow for each activation. Signalbox
// starts it when a brand activates the agent, and sends it each further event as a notice. Two entries connect them. In the YAML file of
// Signalbox:
//
//	agents:
//	  pages:
//	    secretFiles: [/run/secrets/pages]
//	    handOver: {workflowType: page-agent, taskQueue: page-agent}
//
// And among Signalbox's API tokens (--internal-tokens), a token with which the agent's worker gets API keys of this agent only:
//
//	# tokens.yaml
//	- {name: pages-worker, token: "…", scopes: ["keys:reveal"], agents: [pages]}
//
// The worker is a process of the agent's author. It uses Signalbox's Temporal namespace, but needs neither keyring nor inbox:
//
//	apps, err := signalbox.New(temporal, signalbox.Options{})
//	agent := &exampleagent.Agent{
//		Signalbox: apps,
//		Keys:      signalbox.FetchAPIKeyOptions{URL: "https://signalbox.internal:8081", Token: token},
//		Artmail:   myArtmail,
//		Publish:   myWebsite.Publish,
//	}
//	w := worker.New(temporal, exampleagent.TaskQueue, worker.Options{})
//	agent.Register(w)
//	err = w.Run(worker.InterruptCh())
//
// Rules for an agent's workflow:
//
//   - It must live as long as the activation: once it has ended, Signalbox gives up further notices. It ends on "activation.deactivated", and
//     continues as new when its history grows long.
//   - A notice is delivered at least once. signalbox.ReceiveNotices drops repetitions. One that a person resends can come after
//     newer ones: compare seq before you replace what a newer notice said.
//   - A notice can arrive while an activity runs. After a pause, after the end, and after Artmail has force-failed the run, no new attempt
//     may begin.
//   - Signalbox refuses calls for a paused activation or an ended run. Such a refusal can come before the notice.
//   - An approval is voided if Artmail force-fails its run, or with the end of the activation. No "run.force_failed" follows if a person has closed
//     the run in Signalbox: then "approval.voided" is the only notice of it.
//   - Webhooks may come in any order. If the key is lost, the webhook with it may still come, and then a notice "activation.activated".
//   - The API key is fetched and used inside an activity. It must not appear in an argument, result, error or log, because those enter the
//     history.
package exampleagent
