package composetest_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
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

// What the documents put into the clone holds keys, people's words or state: it gets into no commit and into no image.
func TestPrivateFilesInTheCloneAreIgnored(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.Flags(flags, config.Ingress)
	inbox := flags.Lookup("inbox").DefValue
	private := []string{"secrets", ".env", ".signalbox", ".signalbox-sim", "signalbox-sim.yaml", inbox, inbox + "-wal"}
	for document, written := range map[string]string{
		"README.md":                          `(?:keys create|docker compose cp \S+) (\w\S*)`,
		"cmd/signalbox/deploy/ENCRYPTION.md": `keys create --payloads (\w\S*)`,
		"cmd/signalbox/deploy/BACKUP.md":     "> ([^ /]+)`",
	} {
		text, err := os.ReadFile(root + "/" + document)
		require.NoError(t, err)
		names := regexp.MustCompile(written).FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, names, document)
		for _, name := range names {
			private = append(private, name[1])
		}
	}
	for _, list := range []string{".gitignore", ".dockerignore"} {
		text, err := os.ReadFile(root + "/" + list)
		require.NoError(t, err)
		patterns := strings.Fields(string(text))
		for _, name := range private {
			require.True(t, slices.ContainsFunc(patterns, func(pattern string) bool {
				matches, err := path.Match(strings.Trim(pattern, "/"), name)
				require.NoError(t, err)
				return matches
			}), "%s: %s", list, name)
		}
	}
}
