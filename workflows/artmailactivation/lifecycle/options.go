package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// Configure puts other options in force. They hold for every clock that is not at its end: a run that was warned about stays so, an approval
// that has expired too. A check under way goes on by the new ones.
func Configure(a Activation, options workflows.ActivationOptions) Activation {
	a.Start.Options = options.Normalized()
	return a
}
