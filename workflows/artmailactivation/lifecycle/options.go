package lifecycle

import "github.com/signalbox-dev/signalbox/workflows"

// Configure puts other options in force; false where they are already. They hold for every clock that is not at its end: a run that was
// warned about stays so, an approval that has expired too. A check under way goes on by the new ones.
func (s *State) Configure(options workflows.ActivationOptions) bool {
	options = options.Normalized()
	if options == s.Start.Options {
		return false
	}
	s.Start.Options = options
	return true
}
