package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/loadtest"
)

// Report is what was measured and what follows from it.
type Report struct {
	Machine Machine  `json:"machine"`
	Acks    []Sample `json:"acks,omitempty"`
	Drains  []Sample `json:"drains,omitempty"`
	Latency []Sample `json:"latency,omitempty"`
	Figures []Figure `json:"figures"`
}

// Sample is what one way took.
type Sample struct {
	// Name is the row's, Connections how many senders there were.
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	// Count is how many events there were, PerSecond how many in a second.
	Count     int     `json:"count"`
	PerSecond float64 `json:"perSecond"`
	// P50 and P99 are what a sender waited, in milliseconds; 0 where senders do not wait.
	P50 float64 `json:"p50Milliseconds"`
	P99 float64 `json:"p99Milliseconds"`
	// CPU is the processor time of the whole process for each event, in microseconds: server, load generator and all that ran beside; 0
	// where it was not measured.
	CPU float64 `json:"cpuMicroseconds"`

	took, cpu time.Duration
	waits     []time.Duration
}

// add adds another round of the same measurement.
func (s *Sample) add(round loadtest.Result) {
	s.Connections = round.Connections
	s.Count += round.Count
	s.took += round.Took
	s.cpu += round.CPU
	s.waits = append(s.waits, round.Waits...)
	slices.Sort(s.waits)
	s.PerSecond = ratio(float64(s.Count), s.took.Seconds())
	s.P50, s.P99 = loadtest.Quantile(s.waits, 0.50), loadtest.Quantile(s.waits, 0.99)
	s.CPU = ratio(float64(s.cpu.Microseconds()), float64(s.Count))
}

// Figure is a number to hold and whether it was.
type Figure struct {
	What string  `json:"what"`
	Want string  `json:"want"`
	Got  float64 `json:"got"`
	Unit string  `json:"unit"`
	Held bool    `json:"held"`
}

// figures compares what was measured with the design's section "Numbers to hold".
func figures(r Report) (all []Figure) {
	a, d, l := named(r.Acks), named(r.Drains), named(r.Latency)
	accept := a[rowAccept]
	against := func(row, other string) float64 { return ratio(a[row].PerSecond, a[other].PerSecond) }
	if r.Acks != nil {
		all = append(all,
			atLeast("durable acks against signalling in the request, 64 connections", against(rowAccept, rowPlain64), 10, "x"),
			atLeast("durable acks against answering and keeping nothing", against(rowAccept, rowCeiling), 0.17, "x"),
			atMost("durable acks, p99", accept.P99, 20, "ms"),
			atLeast("durable acks with Temporal stopped against Temporal up", against(rowStopped, rowAccept), 0.8, "x"),
			atLeast("durable acks beside 1,000 stalled unverified senders against none", against(rowStalled, rowAccept), 0.8, "x"),
		)
	}
	if _, measured := a[rowPostgres]; measured {
		all = append(all,
			atLeast("durable acks in PostgreSQL beside a locked lane against none", against(rowLocked, rowPostgres), 0.8, "x"),
			atLeast("durable acks in PostgreSQL against SQLite", against(rowPostgres, rowAccept), 0.4, "x"),
		)
	}
	if r.Drains != nil {
		all = append(all, atLeast("draining against bare signals, one event for each workflow", ratio(d[rowRelayOneEvent].PerSecond, d[rowBareSignals].PerSecond), 0.9, "x"))
	}
	if r.Latency != nil {
		all = append(all, atMost("post until workflow received it, p50, against a bare signal", ratio(l[rowPostReceived].P50, l[rowBareReceived].P50), 1.3, "x"))
	}
	return all
}

func named(samples []Sample) map[string]Sample {
	m := make(map[string]Sample, len(samples))
	for _, s := range samples {
		m[s.Name] = s
	}
	return m
}

func atLeast(what string, got, want float64, unit string) Figure {
	return Figure{What: what, Want: fmt.Sprintf(">= %g %s", want, unit), Got: got, Unit: unit, Held: got >= want}
}

func atMost(what string, got, want float64, unit string) Figure {
	return Figure{What: what, Want: fmt.Sprintf("<= %g %s", want, unit), Got: got, Unit: unit, Held: got <= want && got > 0}
}

// write writes the report, or what a run that broke off has measured; nothing where that is nothing.
func (r Report) write(w io.Writer, asJSON bool, brokeOff error) error {
	if brokeOff != nil && len(r.Acks)+len(r.Drains)+len(r.Latency) == 0 {
		return nil
	}
	var err error
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(r)
	} else {
		// Flush says whether a line could not be written.
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		r.writeTable(func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) })
		err = t.Flush()
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r Report) writeTable(line func(format string, args ...any)) {
	line("%s, %d processors, of which other processes took %s; one sync of the disk takes %.2f ms",
		r.Machine.GoVersion, r.Machine.Processors, number(r.Machine.Others, 1), r.Machine.Sync)
	for _, section := range []struct {
		title   string
		samples []Sample
	}{
		{"ACKNOWLEDGING a webhook of 700 bytes", r.Acks},
		{"DRAINING a backlog into Temporal", r.Drains},
		{fmt.Sprintf("LATENCY OF ONE EVENT, %d events/s", latencyRate), r.Latency},
	} {
		if section.samples == nil {
			continue
		}
		line("\n%s\tat a time\tevents\tper second\tp50 ms\tp99 ms\tcpu µs each\tcpu allows per second", section.title)
		for _, s := range section.samples {
			allows := ratio(float64(r.Machine.Processors)*1e6, s.CPU)
			line("%s\t%d\t%d\t%.0f\t%s\t%s\t%s\t%s", s.Name, s.Connections, s.Count, s.PerSecond, number(s.P50, 1), number(s.P99, 1), number(s.CPU, 0), number(allows, 0))
		}
	}
	line("\nFIGURES of the design\twanted\tgot\t")
	for _, f := range r.Figures {
		held := "not held"
		if f.Held {
			held = "held"
		}
		line("%s\t%s\t%.4g %s\t%s", f.What, f.Want, f.Got, f.Unit, held)
	}
}

// number is "-" where it was not measured.
func number(n float64, digits int) string {
	if n <= 0 {
		return "-"
	}
	return strconv.FormatFloat(n, 'f', digits, 64)
}

// ratio is 0 where there is nothing to compare with, which holds no figure.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// now is the clock of the measurements.
func now() time.Time { return time.Now() } //nolint:forbidigo // what is measured here is real time
