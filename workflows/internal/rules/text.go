package rules

import "github.com/signalbox-dev/signalbox/workflows"

// JSONLen is workflows.JSONLen.
func JSONLen(s string) int { return workflows.JSONLen(s) }

// Clip is workflows.Clip.
func Clip(s string, most int) string { return workflows.Clip(s, most) }
