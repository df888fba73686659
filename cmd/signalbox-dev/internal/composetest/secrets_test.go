package composetest_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// runIn runs a program in a folder, with nothing of this process's environment but where programs are.
func runIn(t *testing.T, folder string, environment []string, answers, program string, arguments ...string) (output string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, arguments...)
	command.Dir, command.Stdin = folder, strings.NewReader(answers)
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environment...)
	text, err := command.CombinedOutput()
	require.NoError(t, err, "%s: %s", program, text)
	return string(text)
}

// secretsScript is the path of secrets.sh.
func secretsScript(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs(root + "/cmd/signalbox/deploy/compose/secrets.sh")
	require.NoError(t, err)
	return script
}

var answers = []string{"https://hooks.example.com", "https://offload.example.com", "key"}

// Each later command may run in another terminal, or by cron.
func TestAfterSecretsShTheFileNeedsNoVariable(t *testing.T) {
	t.Parallel()
	compose := testenv.Program(t, "docker-compose", "docker-compose")
	exported := []string{"SIGNALBOX_PUBLIC_URL=" + answers[0], "SIGNALBOX_OFFLOAD_BASE_URL=" + answers[1], "SIGNALBOX_OFFLOAD_API_KEY=" + answers[2]}
	for name, given := range map[string]struct {
		environment []string
		answers     string
	}{
		"exported":  {environment: exported},
		"asked for": {answers: strings.Join(answers, "\n") + "\n"},
	} {
		folder := t.TempDir()
		text, err := os.ReadFile(root + "/docker-compose.yml")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "docker-compose.yml"), text, 0o600))
		runIn(t, folder, given.environment, given.answers, secretsScript(t))
		runIn(t, folder, nil, "", secretsScript(t)) // what is there stays
		filled := runIn(t, folder, nil, "", compose, "config")
		require.Contains(t, filled, "SIGNALBOX_PUBLIC_URL: "+answers[0]+"\n", name)
		require.Contains(t, filled, "SIGNALBOX_OFFLOAD_BASE_URL: "+answers[1]+"\n", name)
		key, err := os.ReadFile(filepath.Join(folder, "secrets", "offload_api_key"))
		require.NoError(t, err)
		require.Equal(t, answers[2]+"\n", string(key), name)
	}
}

// A container goes on seeing the old file where a single file is mounted and another one takes its name.
func TestAContainerSeesATokenFileThatIsReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	runIn(t, folder, nil, strings.Join(answers, "\n")+"\n", secretsScript(t))
	const tokens = "./secrets/tokens"
	files, err := os.ReadDir(filepath.Join(folder, tokens))
	require.NoError(t, err)
	require.Len(t, files, 1, "no other secret is there")
	for name, one := range readCompose(t, addresses).Services {
		if file := one.Environment["SIGNALBOX_INTERNAL_TOKENS"]; file != "" {
			require.Equal(t, files[0].Name(), path.Base(file), name)
			require.Contains(t, one.Volumes, tokens+":"+path.Dir(file)+":ro", name)
		}
	}
}
