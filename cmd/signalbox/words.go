package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// stamp is a time to the second; empty for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// when is a time in words, as seen from now: "3 minutes ago", "in 2 hours". Empty for the zero time. JSON has it exactly.
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

// clipped is the beginning of a text in one line of a table.
func clipped(s string) string {
	const most = 80
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
