package sim

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

// Trouble has the faults of the providers at the start, in the form of the flags. Controls can change them later.
type Trouble struct {
	// OffloadCalls are failures of API calls; OffloadWebhooks and ArtmailWebhooks are faults of webhooks. courier.Plan.PlanText describes the form.
	OffloadCalls, OffloadWebhooks, ArtmailWebhooks []string
	// Seed decides all random choices, including the IDs of cases and activations. 0 means another seed each time.
	Seed uint64
}

// Flags registers a flag for each field.
func (t *Trouble) Flags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&t.OffloadCalls, "offload-call", nil, "fail a call of Offload's API: FAILURE:ROUTE for the next one, FAILURE:ROUTE=0.2 by chance; repeatable, as in reset-after:create")
	flags.StringArrayVar(&t.OffloadWebhooks, "offload-webhook", nil, "plan a fault of a webhook of Offload: FAULT or FAULT:EVENT for the next one, FAULT=0.2 or FAULT:EVENT=0.2 by chance; repeatable, as in drop:case.completed")
	flags.StringArrayVar(&t.ArtmailWebhooks, "artmail-webhook", nil, "plan a fault of a webhook of Artmail, in the same form")
	flags.Uint64Var(&t.Seed, "seed", 0, "seed of all random choices of the simulators, including IDs, so use a separate folder for each seed; 0: another seed each time")
}

// Check returns an error for faults that begin would refuse. It needs no simulators.
func (t Trouble) Check() error {
	return t.plan(offloadsim.NewCalls(nil), courier.NewFaults(nil, offloadsim.Events...), courier.NewFaults(nil, artmailsim.Events...))
}

func (t Trouble) begin(p *Providers) error {
	return t.plan(p.Offload.Calls, p.Offload.Webhooks.Faults, p.Artmail.Webhooks.Faults)
}

func (t Trouble) plan(calls *courier.Plan[offloadsim.Failure], offload, artmail *courier.Plan[courier.Fault]) error {
	var problems []error
	for _, one := range []struct {
		flag  string
		plan  func(...string) error
		texts []string
	}{
		{"offload-call", calls.PlanText, t.OffloadCalls},
		{"offload-webhook", offload.PlanText, t.OffloadWebhooks},
		{"artmail-webhook", artmail.PlanText, t.ArtmailWebhooks},
	} {
		if err := one.plan(one.texts...); err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", one.flag, err))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	return nil
}
