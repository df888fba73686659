package config

import (
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

// secretNames are the variables whose value can also be in a file, NAME_FILE.
var secretNames = []string{"SIGNALBOX_SHARED_SECRET", "SIGNALBOX_OFFLOAD_API_KEY", "SIGNALBOX_INBOX", apiToken}

// unknown returns a warning for each SIGNALBOX_ variable that is not a setting, with the settings that may have been meant.
func unknown(flags *pflag.FlagSet, env map[string]string) []string {
	known := []string{"SIGNALBOX_OFFLOAD_BASE_URL", apiURL}
	for _, name := range secretNames {
		known = append(known, name, name+"_FILE")
	}
	flags.VisitAll(func(f *pflag.Flag) { known = append(known, envName(f.Name)) })
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if slices.Contains(known, name) {
			continue
		}
		warnings = append(warnings, name+" is not a setting and has no effect"+setting.DidYouMean("", setting.SimilarNames(known, name)))
	}
	return warnings
}
