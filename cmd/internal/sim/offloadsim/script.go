package offloadsim

import (
	"context"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// Script is what a case goes through by itself. A case chooses one by metadata.script, else by its counterparty's
// address: the part before "@", up to a "+". SMS cases are accepted and go nowhere, as with Offload.
type Script string

const (
	// ScriptManual does nothing: each step is taken through the Go methods or the control API.
	ScriptManual Script = "manual"
	// ScriptSilent sends the first message and then nothing happens.
	ScriptSilent Script = "silent"
	// ScriptComplete completes after the first message.
	ScriptComplete Script = "complete"
	// ScriptQuestion asks for input, and completes after the answer.
	ScriptQuestion Script = "question"
	// ScriptFail sends all follow-ups and fails with max_retries.
	ScriptFail Script = "fail"
	// ScriptReject fails with failed_rejected and a reason.
	ScriptReject Script = "reject"
	// ScriptBounce fails with BOUNCED on the first message.
	ScriptBounce Script = "bounce"
	// ScriptLost completes, and its webhook is lost.
	ScriptLost Script = "lost"
	// ScriptLostQuestion asks for input with a webhook that is lost, and completes after the answer.
	ScriptLostQuestion Script = "lost-question"
)

// scripts lists each script's steps; the pace passes before each of them.
var scripts = map[Script][]func(*actor) error{
	ScriptManual:   {},
	ScriptSilent:   {(*actor).open},
	ScriptComplete: {(*actor).open, (*actor).receiveFile, (*actor).complete},
	ScriptQuestion: {(*actor).open, (*actor).ask, (*actor).awaitAnswer, (*actor).resume, (*actor).complete},
	ScriptFail:     {(*actor).open, (*actor).followUp, (*actor).giveUp},
	ScriptReject:   {(*actor).open, (*actor).reject},
	ScriptBounce:   {(*actor).bounce},
	ScriptLost:     {(*actor).open, (*actor).loseNextWebhook, (*actor).complete},
	ScriptLostQuestion: {
		(*actor).open, (*actor).loseNextWebhook, (*actor).ask, (*actor).awaitAnswer, (*actor).resume, (*actor).complete,
	},
}

// Scripts lists the names of all scripts.
func Scripts() []string {
	var names []string
	for script := range scripts {
		names = append(names, string(script))
	}
	slices.Sort(names)
	return names
}

func (s Script) known() bool {
	_, ok := scripts[s]
	return ok
}

// chooseScript refuses a script that does not exist, so that a mistyped demo does not wait for ever.
func (s *Simulator) chooseScript(req createRequest) (Script, *apiError) {
	if name, ok := req.metadata["script"].(string); ok {
		if !Script(name).known() {
			return "", invalidRequest("the simulator has no script " + name)
		}
		return Script(name), nil
	}
	address, _ := req.counterparty["address"].(string)
	local, _, _ := strings.Cut(address, "@")
	local, _, _ = strings.Cut(local, "+")
	if Script(local).known() {
		return Script(local), nil
	}
	return s.opts.DefaultScript, nil
}

// play lets a case go on through its script in the background. The caller holds the mutex.
func (s *Simulator) play(c *offloadCase) {
	steps := scripts[c.script]
	first := c.step
	if first >= len(steps) || c.request.channel == "SMS" || c.status.Terminal() {
		return
	}
	a := &actor{sim: s, caseID: c.id, maxAttempts: c.request.maxAttempts, answered: c.answered}
	s.Webhooks.Go(func(ctx context.Context) {
		a.ctx = ctx
		for number := first; number < len(steps); number++ {
			if !s.Webhooks.Wait(s.opts.Pace) {
				return
			}
			if err := steps[number](a); err != nil {
				return // A control has changed the case, or the simulator is closing.
			}
			s.mu.Lock()
			c.step = number + 1
			s.Changed()
			s.mu.Unlock()
		}
	})
}

// actor takes one case through its script.
type actor struct {
	ctx         context.Context
	sim         *Simulator
	caseID      string
	maxAttempts int
	answered    <-chan struct{}
}

func (a *actor) open() error   { return a.sim.SendFirstMessage(a.caseID) }
func (a *actor) resume() error { return a.sim.Resume(a.caseID) }

func (a *actor) receiveFile() error {
	_, err := a.sim.ReceiveAttachment(a.caseID, "reply.txt", "text/plain", []byte("Please find our answer attached.\n"))
	return err
}

func (a *actor) complete() error {
	return a.sim.Complete(a.caseID, map[string]any{
		"answered": true,
		"summary":  "The counterparty confirmed.",
	})
}

const scriptQuestion = "The counterparty asked whether a signed PDF is acceptable. How should I respond?"

func (a *actor) ask() error {
	_, err := a.sim.AskInput(a.caseID, scriptQuestion)
	return err
}

func (a *actor) awaitAnswer() error {
	select {
	case <-a.ctx.Done():
		return a.ctx.Err()
	case <-a.answered:
		return nil
	}
}

func (a *actor) followUp() error {
	for range a.maxAttempts {
		if err := a.sim.SendMessage(a.caseID); err != nil {
			return err
		}
		if !a.sim.Webhooks.Wait(a.sim.opts.Pace) {
			return a.ctx.Err()
		}
	}
	return nil
}

func (a *actor) giveUp() error { return a.sim.Fail(a.caseID, ResultMaxRetries, "") }

func (a *actor) reject() error {
	return a.sim.Fail(a.caseID, ResultFailedRejected, "The counterparty declined to help.")
}

func (a *actor) bounce() error { return a.sim.Fail(a.caseID, ResultBounced, "") }

func (a *actor) loseNextWebhook() error {
	return a.sim.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: a.caseID})
}
