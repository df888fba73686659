package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestWhatToDoStandsBelowTheListAndInACase(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		const help = "Answer the question."
		for _, reference := range []string{"vendor_9", "vendor_10"} {
			require.Zero(t, d.run(t, "", "case", "start", "--reference", reference, "-f", request(t, "ask")).status)
			d.fake.Ask(reference, "Is a PDF fine?")
		}
		got := d.run(t, "", "todo")
		require.Zero(t, got.status, got.err)
		require.Equal(t, 1, strings.Count(got.out, "\nquestion: "+help+"\n"), got.out)
		require.Regexp(t, `what to do +`+help+`\n`, d.run(t, "", "case", "show", "vendor_9").out)
		for _, line := range []string{"todo", "case list"} {
			row := rowOf(t, d.run(t, "", strings.Fields(line)...).out, "vendor_9")
			require.Equal(t, 1, strings.Count(row, "ago")+strings.Count(row, "now"), "nothing is due: %s", row)
		}
	})
}

// rowOf returns the first line of a table that has a text.
func rowOf(t *testing.T, table, text string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("%q is not in %s", text, table)
	return ""
}

func TestTheNewestErrorOfNoticesIsWholeBelowTheTable(t *testing.T) {
	t.Parallel()
	eachDoor(t, func(t *testing.T, d door) {
		require.Zero(t, d.run(t, "", "case", "start", "--reference", "vendor_9", "-f", request(t, "ask")).status)
		d.notices.giveUp(workflows.OffloadCaseWorkflowID("vendor_9"), map[string]time.Time{"ntc_1": time.Now().Add(-time.Hour)})
		long := strings.Repeat("a long error ", 10) + "and the fix"
		d.notices.state.Notices[0].LastError = long
		require.Equal(t, 1, strings.Count(d.run(t, "", "notice", "list", "vendor_9").out, long))
		d.process.outTerminal = true
		got := d.run(t, "", "notice", "list", "vendor_9").out
		require.Contains(t, got, "…\n")
		require.Contains(t, got, "\nlast error of ntc_1: "+long+"\n")
	})
}
