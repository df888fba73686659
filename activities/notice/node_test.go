package notice_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// The npm packages "standardwebhooks" and "svix" verify what is posted, by each of two secrets, and refuse a changed body.
func TestTheLibrariesOfReceiversVerifyACallback(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("testdata", "verify")
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(folder, "node_modules"))
	}
	if err != nil {
		testenv.Missing(t, "node", fmt.Sprintf("install it, and run `npm ci` in activities/notice/%s: %v", folder, err))
	}
	headers := map[string]string{}
	var body []byte
	_, err = post(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			headers[name] = r.Header.Get(name)
		}
	})
	require.NoError(t, err)
	for _, letter := range []string{"a", "b"} {
		input, err := json.Marshal(map[string]any{"secret": secret(letter), "headers": headers, "body": string(body)})
		require.NoError(t, err)
		command := exec.CommandContext(t.Context(), "node", "verify.mjs")
		command.Dir, command.Stdin = folder, bytes.NewReader(input)
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
		require.Contains(t, string(output), "standardwebhooks: verified")
		require.Contains(t, string(output), "svix: verified")
	}
}
