// Package exampleagent is an agent for Artmail as its author writes it with Signalbox: copy it, and replace what it does by your own. It writes a
// page for each brand that activates it, asks the brand whether it may publish the page, and does what the brand says.
//
// Signalbox receives Artmail's webhooks and keeps what they say. The agent has one workflow for each activation, which Signalbox starts when a
// brand activates the agent; each further event comes as a notice. Two entries tie them together. In the YAML file of Signalbox:
//
//	agents:
//	  pages:
//	    secretFiles: [/run/secrets/pages]
//	    handOver: {workflowType: page-agent, taskQueue: page-agent}
//
// and among its API tokens (--internal-tokens), the one with which the agent's worker gets the API keys of its brands, and of no other agent's:
//
//	# tokens.yaml
//	- {name: pages-worker, token: "…", scopes: ["keys:reveal"], agents: [pages]}
//
// The worker is a process of the author. It shares Signalbox's Temporal namespace, and needs neither its keyring nor its inbox:
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
// What an agent's workflow must heed:
//
//   - It lives for as long as the activation, or further notices are given up: it ends on "activation.deactivated" and continues as new meanwhile.
//   - A notice is delivered at least once. signalbox.ReceiveNotices drops repetitions.
//   - A notice may arrive while an activity runs. On a pause, on the end, and when Artmail has ended the run, no further attempt is begun.
//   - An activation that is paused, or a run that has ended, refuses the calls; that may be seen before the notice arrives.
//   - The API key is fetched inside an activity, used there, and goes into no argument, result, error or log: all of these enter the history.
package exampleagent
