package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnErasureSaysWhatItDidNotSearch(t *testing.T) {
	t.Parallel()
	no, yes, objects := false, true, 2
	for name, c := range map[string]struct {
		done      erasedReport
		says, not []string
	}{
		"a case without a bucket":        {erasedReport{}, []string{"from the bucket", "--bucket"}, []string{"hand-over", "at Offload"}},
		"a case that goes on at Offload": {erasedReport{Objects: &objects, StillRunning: true}, []string{"2 objects", "only after it has ended there"}, []string{"--bucket"}},
		"an activation without --config": {erasedReport{HandOver: &no}, []string{"hand-over workflow", "not searched", "--config"}, []string{"bucket"}},
		"an activation with --config":    {erasedReport{HandOver: &yes}, nil, []string{"hand-over"}},
	} {
		text := ""
		for _, row := range c.done.rows() {
			text += row[0] + ": " + row[1] + "\n"
		}
		for _, want := range c.says {
			require.Contains(t, text, want, name)
		}
		for _, unwanted := range c.not {
			require.NotContains(t, text, unwanted, name)
		}
	}
}
