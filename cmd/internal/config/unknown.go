package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// secretNames are the variables whose value can also be in a file, NAME_FILE.
var secretNames = []string{"SIGNALBOX_SHARED_SECRET", "SIGNALBOX_OFFLOAD_API_KEY", "SIGNALBOX_INBOX", apiToken}

// unknown returns a warning for each SIGNALBOX_ variable that is not a setting, with the setting that may have been meant.
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
		warning := name + " is not a setting and has no effect"
		if nearest := nearest(name, known); nearest != "" {
			warning += fmt.Sprintf("; did you mean %s?", nearest)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// nearest returns the known name with the fewest different letters; empty if too many differ.
func nearest(name string, known []string) string {
	best, fewest := "", max(2, (len(name)-len(envPrefix))/3)+1
	for _, k := range known {
		if d := distance(strings.TrimPrefix(name, envPrefix), strings.TrimPrefix(k, envPrefix)); d < fewest {
			best, fewest = k, d
		}
	}
	return best
}

// distance returns how many letters have to be added, removed or replaced to get from one word to the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
