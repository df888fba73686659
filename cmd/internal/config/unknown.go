package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// secretNames are the variables that are not flags. Each can be a file by NAME_FILE, but the base URL, which is no secret.
var secretNames = []string{"SIGNALBOX_SHARED_SECRET", "SIGNALBOX_OFFLOAD_API_KEY", "SIGNALBOX_INBOX", apiToken}

// unknown says of each SIGNALBOX_ variable that is no setting what may have been meant.
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
		warning := name + " is no setting and does nothing"
		if nearest := nearest(name, known); nearest != "" {
			warning += fmt.Sprintf("; is %s meant?", nearest)
		}
		warnings = append(warnings, warning)
	}
	return warnings
}

// nearest is the known name with the fewest changed letters; empty where too many differ.
func nearest(name string, known []string) string {
	best, fewest := "", max(2, (len(name)-len(envPrefix))/3)+1
	for _, k := range known {
		if d := distance(strings.TrimPrefix(name, envPrefix), strings.TrimPrefix(k, envPrefix)); d < fewest {
			best, fewest = k, d
		}
	}
	return best
}

// distance is how many letters are added, left out or replaced between two words (Levenshtein).
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
