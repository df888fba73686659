package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// stamp returns a time to the second; empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// when returns a time in words, such as "3 minutes ago" or "in 2 hours"; empty for the zero time. JSON has the exact time.
func (p process) when(t time.Time) string {
	now := p.now()
	switch {
	case t.IsZero():
		return ""
	case t.Sub(now).Abs() < time.Second:
		return "now"
	case t.After(now):
		return "in " + strings.TrimSpace(humanize.RelTime(now, t, "", ""))
	}
	return humanize.RelTime(t, now, "ago", "")
}

// due returns a future DueAt in words. A past one is empty: without a deadline, DueAt is when the attention arose.
func (p process) due(t time.Time) string {
	if !t.After(p.now()) {
		return ""
	}
	return p.when(t)
}

// clipped returns a text for one line of a table: its beginning on a terminal, else all of it.
func (p process) clipped(s string) string {
	const most = 80
	s = strings.Join(strings.Fields(s), " ")
	if !p.outTerminal || utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
