package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// Configure puts new options in force. They apply to all clocks that have not ended: a run that was warned about stays so, and an expired
// approval too. A running reconcile starts again if the new options change its queue or its end.
func Configure(a Activation, options workflows.ActivationOptions) Activation {
	a.Start.Options = usable(options)
	return a
}

// usable returns the options with defaults for fields that can't be used. The configuration refuses such options, but if some arrive,
// running activations must not suffer: Temporal refuses each workflow task that names an invalid task queue.
func usable(o workflows.ActivationOptions) workflows.ActivationOptions {
	if (workflows.ActivationOptions{CheckApprovalQueue: o.CheckApprovalQueue}).Validate() != nil {
		o.CheckApprovalQueue = ""
	}
	for _, d := range []*workflows.Duration{&o.StaleAfter, &o.WarnBefore, &o.CheckFor} {
		if *d > workflows.MaxDuration {
			*d = 0
		}
		*d = max(*d, 0)
	}
	return o.Normalized()
}
