package hook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

func TestABodyIsKeptWithItsSignaturesAndEncoding(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signatures     []string
		encoding, body string
		want           []string
		wantEncoding   string
	}{
		"usual":                  {[]string{"sha256=ab12"}, "", "{\n}\n", []string{"sha256=ab12"}, ""},
		"several signatures":     {[]string{"ab12", "cd34"}, "br", " {}", []string{"ab12", "cd34"}, "br"},
		"no signature":           {nil, "", "{}", nil, ""},
		"only an encoding":       {nil, "gzip", "\x1f\x8b\n", nil, "gzip"},
		"an empty body":          {[]string{"ab12"}, "", "", []string{"ab12"}, ""},
		"an absurd signature":    {[]string{strings.Repeat("a", 201), "ab12"}, "", "{}", []string{"ab12"}, ""},
		"with a line break":      {[]string{"ab\n12"}, "g\nzip", "{}", nil, ""},
		"with a blank":           {[]string{"ab 12"}, "g zip", "{}", nil, ""},
		"an absurd encoding":     {[]string{"ab12"}, strings.Repeat("e", 41), "{}", []string{"ab12"}, ""},
		"more than can be tried": {strings.Split("1,2,3,4,5,6,7,8,9", ","), "", "{}", strings.Split("1,2,3,4,5,6,7,8", ","), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signatures, encoding, body := hook.Unpack(hook.Pack(tt.signatures, tt.encoding, []byte(tt.body)))
			require.Equal(t, tt.want, signatures)
			require.Equal(t, tt.wantEncoding, encoding)
			require.Equal(t, tt.body, string(body))
		})
	}
}
