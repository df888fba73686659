package dev

import (
	"errors"
	"fmt"
)

// Trouble is what goes wrong at the simulated providers from the start, in the words of the flags of signalbox-dev. Later it can be changed
// through the simulators' controls.
type Trouble struct {
	// OffloadCalls fail as offloadsim.FailText says.
	OffloadCalls []string
	// OffloadWebhooks and ArtmailWebhooks meet faults on their way as courier.Faults.PlanText says.
	OffloadWebhooks, ArtmailWebhooks []string
	// Seed decides what is left to chance, the IDs of cases and activations included. 0: another one each time.
	Seed uint64
}

func (t Trouble) begin(s *Simulators) error {
	var problems []error
	for _, one := range []struct {
		flag  string
		plan  func(...string) error
		texts []string
	}{
		{"offload-call", s.Offload.FailText, t.OffloadCalls},
		{"offload-webhook", s.Offload.Webhooks.Faults.PlanText, t.OffloadWebhooks},
		{"artmail-webhook", s.Artmail.Webhooks.Faults.PlanText, t.ArtmailWebhooks},
	} {
		if err := one.plan(one.texts...); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", one.flag, err))
		}
	}
	return errors.Join(problems...)
}
