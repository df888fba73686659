package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Report is what was measured and what follows from it. Shared are the acknowledgements of ingresses that share a database.
type Report struct {
	Machine Machine  `json:"machine"`
	Acks    []Sample `json:"acks"`
	Shared  []Sample `json:"shared,omitempty"`
	Drains  []Sample `json:"drains"`
	Latency []Sample `json:"latency"`
	Rows    []Growth `json:"rows"`
	Away    *Away    `json:"away,omitempty"`
	Memory  *Memory  `json:"memory,omitempty"`
	Binary  *Binary  `json:"binary,omitempty"`
	Figures []Figure `json:"figures"`
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
func figures(r Report) []Figure {
	a, d, l := named(r.Acks), named(r.Drains), named(r.Latency)
	accept, plain := a[rowAccept], a[rowPlain64]
	var all []Figure
	if r.Acks != nil {
		all = append(all,
			atLeast("durable acks against signalling in the request, 64 connections", ratio(accept.PerSecond, plain.PerSecond), 10, "x"),
			atLeast("durable acks against answering and keeping nothing", ratio(accept.PerSecond, a[rowCeiling].PerSecond), 0.17, "x"),
			atMost("durable acks, p99", accept.P99, 20, "ms"),
			atLeast("durable acks with Temporal stopped against Temporal up", ratio(a[rowStopped].PerSecond, accept.PerSecond), 0.8, "x"),
			atLeast("durable acks beside 1,000 stalled unverified senders against none", ratio(a[rowStalled].PerSecond, accept.PerSecond), 0.8, "x"),
		)
		if free, measured := a[rowFree]; measured {
			all = append(all, atLeast("durable acks in PostgreSQL beside a locked lane against none", ratio(a[rowLocked].PerSecond, free.PerSecond), 0.8, "x"))
		}
	}
	if r.Drains != nil {
		all = append(all, atLeast("draining against bare signals, one event for each workflow", ratio(d[rowRelay].PerSecond, d[rowBare].PerSecond), 0.9, "x"))
	}
	if r.Latency != nil {
		all = append(all,
			atMost("post to signal accepted, p50, against a bare call", ratio(l[rowSentCall].P50, l[rowBareCall].P50), 1.3, "x"),
			atMost("post to workflow has it, p50, against a bare signal's", ratio(l[rowSentHas].P50, l[rowBareHas].P50), 1.3, "x"),
		)
	}
	for _, g := range r.Rows {
		most := 1.5
		if g.Task == taskAcknowledge {
			most = 2
		}
		all = append(all, atMost(fmt.Sprintf("%s, %d rows against %d", g.Task, g.Rows, fewRows), g.Times, most, "x"))
	}
	if r.Away != nil {
		all = append(all,
			atLeast("durable acks after an outage of many events against its beginning", ratio(r.Away.Acks[1].PerSecond, r.Away.Acks[0].PerSecond), 0.9, "x"),
			atLeast("draining after an outage against bare signals, events", ratio(r.Away.Drains[0].PerSecond, r.Away.Drains[1].PerSecond), 0.9, "x"),
			none("events out of order after an outage", r.Away.Disordered),
		)
	}
	if m := r.Memory; m != nil {
		all = append(all, atMost(fmt.Sprintf("memory of a worker that keeps %d workflows, %d open cases against %d",
			m.Cached, m.Readings[2].Cases, m.Readings[1].Cases), m.times(), 1.2, "x"))
	}
	if r.Binary != nil {
		all = append(all,
			atMost("production binary", float64(r.Binary.Bytes)/1e6, 60, "MB"),
			atMost("production binary, start until ready", r.Binary.Ready, 1000, "ms"),
		)
	}
	return all
}

func none(what string, got int) Figure {
	return Figure{What: what, Want: "0", Got: float64(got), Held: got == 0}
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

// ratio is 0 where there is nothing to compare with, which holds no figure.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// write writes the report, or what a run that broke off has measured; nothing where that is nothing.
func (r Report) write(w io.Writer, asJSON bool, brokeOff error) error {
	nothing := r.Acks == nil && r.Shared == nil && r.Drains == nil && r.Latency == nil && r.Rows == nil && r.Away == nil && r.Memory == nil && r.Binary == nil
	if brokeOff != nil && nothing {
		return nil
	}
	if asJSON {
		return r.WriteJSON(w)
	}
	return r.WriteTable(w)
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

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := &printer{w: t}
	p.line("%s, %d processors, of which other processes took %s; one sync of the disk takes %.2f ms",
		r.Machine.GoVersion, r.Machine.Processors, r.Machine.others(), r.Machine.Sync)
	r.writeSamples(p)
	r.writeRows(p)
	r.writeAway(p)
	r.writeMemory(p)
	if len(r.Figures) > 0 {
		p.line("\nFIGURES of the design\twanted\tgot\t")
	}
	for _, f := range r.Figures {
		held := "not held"
		if f.Held {
			held = "held"
		}
		p.line("%s\t%s\t%.4g %s\t%s", f.What, f.Want, f.Got, f.Unit, held)
	}
	if p.err == nil {
		p.err = t.Flush()
	}
	if p.err != nil {
		return fmt.Errorf("write report: %w", p.err)
	}
	return nil
}

func (r Report) writeSamples(p *printer) {
	if r.Acks != nil {
		p.line("\nACKNOWLEDGING a webhook of 700 bytes\tconnections\tacks/s\tp50 ms\tp99 ms\tcpu µs each\tcpu allows acks/s")
		for _, s := range r.Acks {
			p.line("%s\t%d\t%.0f\t%.1f\t%.1f\t%.0f\t%.0f", s.Name, s.Connections, s.PerSecond, s.P50, s.P99, s.CPU,
				ratio(float64(r.Machine.Processors)*1e6, s.CPU))
		}
	}
	if r.Shared != nil {
		p.line("\nACKNOWLEDGING a webhook of 700 bytes\tconnections\tacks/s\tp50 ms\tp99 ms")
		for _, s := range r.Shared {
			p.line("%s\t%d\t%.0f\t%.1f\t%.1f", s.Name, s.Connections, s.PerSecond, s.P50, s.P99)
		}
	}
	if r.Drains != nil {
		p.line("\nDRAINING a backlog into Temporal\tat a time\tevents/s\t\t\tcpu µs each")
		for _, s := range r.Drains {
			p.line("%s\t%d\t%.0f\t\t\t%.0f", s.Name, s.Connections, s.PerSecond, s.CPU)
		}
	}
	if r.Latency != nil {
		p.line("\nONE EVENT's way, %d events/s\tevents\t\tp50 ms\tp99 ms\t", latencyRate)
		for _, s := range r.Latency {
			p.line("%s\t%d\t\t%.1f\t%.1f\t", s.Name, s.Count, s.P50, s.P99)
		}
	}
}

func (r Report) writeAway(p *printer) {
	if r.Away == nil {
		return
	}
	p.line("\nAN OUTAGE of Temporal\tat a time\tevents\tper second\tp50 ms\tp99 ms")
	for _, s := range append(slices.Clone(r.Away.Acks), r.Away.Drains...) {
		p.line("%s\t%d\t%d\t%.0f\t%.1f\t%.1f", s.Name, s.Connections, s.Count, s.PerSecond, s.P50, s.P99)
	}
	p.line("signals that it took\t\t%d", r.Away.Signals)
}

func (r Report) writeRows(p *printer) {
	if len(r.Rows) == 0 {
		return
	}
	p.line("\nA LONG TABLE beside a short one\trows\tms each\tms each, %d rows\ttimes, median of rounds", fewRows)
	for _, g := range r.Rows {
		p.line("%s\t%d\t%.3f\t%.3f\t%.2f", g.Task, g.Rows, 1e3*g.Many.each(), 1e3*g.Few.each(), g.Times)
	}
}

func (r Report) writeMemory(p *printer) {
	if r.Memory == nil {
		return
	}
	p.line("\nA WORKER that keeps %d workflows in memory\topen cases\tMB after collection\tgoroutines", r.Memory.Cached)
	for _, one := range r.Memory.Readings {
		p.line("\t%d\t%.1f\t%d", one.Cases, float64(one.Bytes)/1e6, one.Goroutines)
	}
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
