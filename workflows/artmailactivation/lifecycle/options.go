package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// Configure puts other options in force. They hold for every clock that is not at its end: a run that was warned about stays so, an approval
// that has expired too. A check under way goes on by the new ones.
func Configure(a Activation, options workflows.ActivationOptions) Activation {
	a.Start.Options = usable(options)
	return a
}

// usable is the options with a default in place of each that can't be used. The configuration refuses those; one that gets here all the same must
// not harm what runs: Temporal refuses each workflow task that names a task queue which it can't keep.
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
