package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

const deliveryStates = "pending, delivered, unmatched, late, ignored, dead or quarantined"

// providers are the names of the providers in deliveries.
var providers = []string{offload.Name, artmail.Name}

// kinds are the kinds of events. Those of quarantined deliveries begin with "unverified".
var kinds = []string{
	workflows.KindCaseCompleted, workflows.KindCaseFailed, workflows.KindCaseInputNeeded,
	workflows.KindAgentActivated, workflows.KindApprovalResponse, workflows.KindAgentPaused, workflows.KindAgentResumed, workflows.KindAgentDeactivated,
	workflows.KindRunForceFailed, workflows.KindTestPing, hook.KindUnknown,
}

// filterFlags are the flags of a filter of the inbox.
type filterFlags struct {
	read         inbox.Filter
	states       []string
	since, until string
	reference    string
}

func (f *filterFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&f.states, "state", nil, deliveryStates+"; separated by commas")
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

// filter returns the filter, or errUsage with what is wrong.
func (f *filterFlags) filter(now time.Time) (inbox.Filter, error) {
	filter := f.read
	var mistakes []error
	say := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	for _, state := range f.states {
		filter.States = append(filter.States, inbox.State(state))
		if !slices.Contains(inbox.States(), inbox.State(state)) {
			say("--state: want one of %s", deliveryStates)
		}
	}
	if filter.Provider != "" && !slices.Contains(providers, filter.Provider) {
		say("--provider: want one of %s", strings.Join(providers, ", "))
	}
	if filter.Kind != "" && !slices.Contains(kinds, filter.Kind) && !strings.HasPrefix(filter.Kind, "unverified") {
		say("--kind: want one of %s; of the quarantine: unverified, or unverified agent.activated", strings.Join(kinds, ", "))
	}
	if filter.Scope != "" {
		if err := workflows.ValidateAgent(filter.Scope); err != nil {
			say("--agent: %w", err)
		}
	}
	if f.reference != "" {
		if filter.Lane != "" {
			say("give --lane or --reference, not both")
		}
		if err := workflows.ValidateReference(f.reference); err != nil {
			say("--reference: %w", err)
		}
		filter.Lane = workflows.OffloadCaseWorkflowID(f.reference)
	}
	if len(mistakes) > 0 {
		return filter, usage(errors.Join(mistakes...))
	}
	if err := checkLimit(filter.Limit, inbox.MaxPage); err != nil {
		return filter, err
	}
	var err error
	if filter.Since, err = moment("since", f.since, now); err != nil {
		return filter, err
	}
	filter.Until, err = moment("until", f.until, now)
	return filter, err
}

// checkLimit checks the flag --limit of a list from the inbox, which itself gives at most `most` entries.
func checkLimit(limit, most int) error {
	if limit < 0 || limit > most {
		return fmt.Errorf("%w: --limit: %d: want 1 to %d", errUsage, limit, most)
	}
	return nil
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
