package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// printed runs write on a command and returns what it wrote.
func printed(t *testing.T, write func(p process, cmd *cobra.Command) error) string {
	t.Helper()
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	require.NoError(t, write(process{}, cmd))
	return out.String()
}

func TestALineBreakInAValueStaysInItsColumn(t *testing.T) {
	t.Parallel()
	got := printed(t, func(p process, cmd *cobra.Command) error {
		return p.show(cmd, false, nil, [][2]string{{"status", "INPUT_NEEDED"}, {"question", "Confirm.\nstatus  COMPLETED\r\rAttention: none\x1b[2J"}})
	})
	require.Equal(t, "status    INPUT_NEEDED\nquestion  Confirm.\n          status  COMPLETED\\u000d\\u000dAttention: none\\u001b[2J\n", got)
}

func FuzzPrintedTextHasNoControlCharactersAndJSONKeepsItsValues(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[2J", "a\u009b31mb", "a\u202eb", "\U000e0041tag", "\\u001b", "\"\\", "line\nline", "\xff", "tab\t"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		document := printed(t, func(p process, cmd *cobra.Command) error { return p.showJSON(cmd, map[string]string{"text": text}) })
		table := printed(t, func(p process, cmd *cobra.Command) error { return p.show(cmd, false, nil, [][2]string{{"text", text}}) })
		for _, out := range []string{document, table} {
			require.False(t, strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }), "%q", out)
		}
		var back map[string]string
		require.NoError(t, json.Unmarshal([]byte(document), &back))
		require.Equal(t, string([]rune(text)), back["text"])
	})
}
