package sim

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"
)

// Trouble is what goes wrong at the providers from the start, in the words of the flags. Later the controls change it.
type Trouble struct {
	// OffloadCalls fail, OffloadWebhooks and ArtmailWebhooks meet faults on their way, as courier.Plan.PlanText says.
	OffloadCalls, OffloadWebhooks, ArtmailWebhooks []string
	// Seed decides what is left to chance, the IDs of cases and activations included. 0: another one each time.
	Seed uint64
}

// Flags registers a flag for each field.
func (t *Trouble) Flags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&t.OffloadCalls, "offload-call", nil, "fail a call of Offload's API: FAILURE:ROUTE for the next one, FAILURE:ROUTE=0.2 by chance; repeatable, as in reset-after:create")
	flags.StringArrayVar(&t.OffloadWebhooks, "offload-webhook", nil, "trouble a webhook of Offload: FAULT or FAULT:EVENT for the next one, FAULT=0.2 or FAULT:EVENT=0.2 by chance; repeatable, as in drop:case.completed")
	flags.StringArrayVar(&t.ArtmailWebhooks, "artmail-webhook", nil, "the same for Artmail's")
	flags.Uint64Var(&t.Seed, "seed", 0, "decides what the simulators leave to chance, IDs included, so give it a folder for itself; 0: another one each time")
}

func (t Trouble) begin(p *Providers) error {
	var problems []error
	for _, one := range []struct {
		flag  string
		plan  func(...string) error
		texts []string
	}{
		{"offload-call", p.Offload.Calls.PlanText, t.OffloadCalls},
		{"offload-webhook", p.Offload.Webhooks.Faults.PlanText, t.OffloadWebhooks},
		{"artmail-webhook", p.Artmail.Webhooks.Faults.PlanText, t.ArtmailWebhooks},
	} {
		if err := one.plan(one.texts...); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", one.flag, err))
		}
	}
	return errors.Join(problems...)
}
