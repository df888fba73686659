package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// filterFlags are the flags of a filter of the inbox.
type filterFlags struct {
	read         inbox.Filter
	states       []string
	since, until string
	reference    string
}

func (f *filterFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "pending, delivered, unmatched, late, ignored, dead or quarantined; separated by commas")
	flags.StringVar(&f.read.Provider, "provider", "", "offload or artmail")
	flags.StringVar(&f.read.Scope, "agent", "", "Artmail agent")
	flags.StringVar(&f.read.Kind, "kind", "", "kind of event, such as case.completed")
	flags.StringVar(&f.read.Lane, "lane", "", "lane: the ID of the workflow, such as offload-case/vendor_2048")
	flags.StringVar(&f.reference, "reference", "", "reference of an Offload case, instead of its lane")
	flags.StringVar(&f.since, "since", "", "received since: a time like 2026-05-01T12:00:00Z, or a duration before now like 2h")
	flags.StringVar(&f.until, "until", "", "received before: as for --since")
}

// given reports whether any flag of the filter is set.
func (f *filterFlags) given() bool {
	r := f.read
	return len(f.states) > 0 || r.Provider+r.Scope+r.Kind+r.Lane+f.reference+f.since+f.until != ""
}

func (f *filterFlags) filter(now time.Time) (inbox.Filter, error) {
	filter := f.read
	for _, state := range f.states {
		filter.States = append(filter.States, inbox.State(state))
	}
	if f.reference != "" {
		if filter.Lane != "" {
			return filter, fmt.Errorf("%w: give --lane or --reference, not both", errUsage)
		}
		filter.Lane = workflows.OffloadCaseWorkflowID(f.reference)
	}
	var err error
	if filter.Since, err = moment("since", f.since, now); err != nil {
		return filter, err
	}
	filter.Until, err = moment("until", f.until, now)
	return filter, err
}

// moment parses a time, or a duration before now. It returns a time in UTC.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: --%s: %q is not a time like 2026-05-01T12:00:00Z or a duration like 2h", errUsage, flag, s)
	}
	return at.UTC(), nil
}
