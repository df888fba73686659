package artmailhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
)

func TestASignatureIsKeptWithItsBody(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ signature, body, want string }{
		"usual":             {"sha256=ab12", "{\n}\n", "sha256=ab12"},
		"no signature":      {"", "{}", ""},
		"an empty body":     {"ab12", "", "ab12"},
		"an absurd one":     {strings.Repeat("a", 201), "{}", ""},
		"with a line break": {"ab\n12", "{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signature, body := artmailhook.Unpack(artmailhook.Pack(tt.signature, []byte(tt.body)))
			require.Equal(t, tt.want, signature)
			require.Equal(t, tt.body, string(body))
		})
	}
}
