package torture

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Report is what was done and what was found.
type Report struct {
	Seed     uint64  `json:"seed"`
	Options  Options `json:"options"`
	Duration float64 `json:"seconds"`

	Cases       int `json:"cases"`
	Activations int `json:"activations"`
	// Wire is what the providers sent and how they were answered.
	Wire tally `json:"wire"`
	// Kept are the deliveries in the inbox by their state.
	Kept map[inbox.State]int `json:"kept"`
	// Faults counts what was done to each process.
	Faults map[role]map[faultKind]int `json:"faults"`
	// Networks counts what was wrong with the network to each server.
	Networks map[role]map[string]int `json:"networks"`
	Replayed int                     `json:"replayed"`
	// Revived counts how often Temporal ended by itself, and was started anew.
	Revived int `json:"temporalRevived"`
	// Unstarted counts how often an ingress ended at its start because its database was away, and was restarted.
	Unstarted int `json:"ingressUnstarted"`
	// Repeated counts events that workflows were handed again, Decided the uncertain creations that a person decided.
	Repeated int   `json:"handedAgain"`
	Decided  int64 `json:"decidedByAPerson"`
	// Waits are the longest that a player waited for something.
	Waits []Waited `json:"longestWaits"`

	Invariants []Invariant `json:"invariants"`
	// Folder is where the run's files are kept, empty where they were removed.
	Folder string `json:"folder,omitempty"`
}

// Violations counts all of them.
func (r Report) Violations() int {
	n := 0
	for _, i := range r.Invariants {
		n += len(i.Violations)
	}
	return n
}

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// shownViolations is how many of one invariant the table shows.
const shownViolations = 5

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := &printer{w: t}
	payloads := "plain"
	if r.Options.EncryptPayloads {
		payloads = "encrypted"
	}
	p.line("seed %d, inbox in %s, payloads %s, %s", r.Seed, titles[r.Options.Inbox], payloads, time.Duration(r.Duration*float64(time.Second)).Round(time.Second))
	p.line("\nSTREAM\t")
	p.line("cases, activations\t%d, %d", r.Cases, r.Activations)
	p.line("events, posts of them\t%d, %d", r.Wire.Events, r.Wire.Posts)
	p.line("answers by status\t%v", r.Wire.Answers)
	p.line("events acknowledged, and again\t%d, %d", r.Wire.Acknowledged, r.Wire.Repeats)
	p.line("kept in the inbox\t%v", r.Kept)
	for _, one := range r.Options.roles() {
		p.line("%s\t%v", one, r.Faults[one])
	}
	for _, to := range slices.Sorted(maps.Keys(r.Networks)) {
		p.line("network to %s\t%v", to, r.Networks[to])
	}
	p.line("Temporal ended by itself\t%d", r.Revived)
	if r.Options.Inbox == inboxPostgres {
		p.line("starts of the ingress without PostgreSQL\t%d", r.Unstarted)
	}
	p.line("deliveries replayed by an operator\t%d", r.Replayed)
	p.line("events handed to a workflow again\t%d", r.Repeated)
	p.line("uncertain creations decided by a person\t%d", r.Decided)
	if len(r.Waits) > 0 {
		p.line("longest wait of a player\t%.0f s", r.Waits[0].Seconds)
	}
	p.line("\nINVARIANT\tchecked\tviolations")
	for _, i := range r.Invariants {
		p.line("%s\t%d\t%d", i.Name, i.Checked, len(i.Violations))
	}
	if p.err == nil {
		p.err = t.Flush()
	}
	p.w = w
	for _, i := range r.Invariants {
		for n, v := range i.Violations {
			if n == shownViolations {
				p.line("  … and %d more", len(i.Violations)-n)
				break
			}
			if n == 0 {
				p.line("\n%s:", i.Name)
			}
			p.line("  %s", v)
		}
	}
	if r.Folder != "" {
		p.line("\nThe files of the run, with each process's log: %s", r.Folder)
	}
	if p.err != nil {
		return fmt.Errorf("write report: %w", p.err)
	}
	return nil
}

// printer keeps the first error of many lines.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
