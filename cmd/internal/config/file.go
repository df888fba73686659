package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/workflows"
)

// file is the YAML file. An unknown field is a mistake: otherwise a misspelt setting would have no effect.
type file struct {
	Accounts map[string]fileAccount `yaml:"accounts"`
	Agents   map[string]fileAgent   `yaml:"agents"`
	// Callbacks are the receivers of notices.
	Callbacks map[string]fileCallback `yaml:"callbacks"`
	// Shared are the secrets of Offload's shared route.
	Shared fileSecrets `yaml:"shared"`
}

type fileSecrets struct {
	Secrets     []string `yaml:"secrets"`
	SecretFiles []string `yaml:"secretFiles"`
}

type fileAccount struct {
	BaseURL        string  `yaml:"baseUrl"`
	APIKey         string  `yaml:"apiKey"`
	APIKeyFile     string  `yaml:"apiKeyFile"`
	CallsPerSecond float64 `yaml:"callsPerSecond"`
	ReadsPerSecond float64 `yaml:"readsPerSecond"`
	// Notify names callbacks.
	Notify []string `yaml:"notify"`
}

type fileCallback struct {
	fileSecrets  `yaml:",inline"`
	URL          string `yaml:"url"`
	AllowPrivate bool   `yaml:"allowPrivate"`
	AllowHTTP    bool   `yaml:"allowHTTP"`
}

type fileAgent struct {
	fileSecrets        `yaml:",inline"`
	CheckApprovalQueue string       `yaml:"checkApprovalQueue"`
	CheckFor           fileDuration `yaml:"checkFor"`
	StaleAfter         fileDuration `yaml:"staleAfter"`
	WarnBefore         fileDuration `yaml:"warnBefore"`
	// Notify names callbacks.
	Notify   []string      `yaml:"notify"`
	HandOver *fileHandOver `yaml:"handOver"`
}

// fileDuration keeps its mistake and line, because the library reports an error of UnmarshalText without them.
type fileDuration struct {
	value   workflows.Duration
	mistake error
	line    int
}

// UnmarshalYAML never fails, so that all durations are read.
func (d *fileDuration) UnmarshalYAML(n *yaml.Node) error {
	d.mistake, d.line = d.value.UnmarshalText([]byte(n.Value)), n.Line
	return nil
}

type fileHandOver struct {
	WorkflowType string `yaml:"workflowType"`
	TaskQueue    string `yaml:"taskQueue"`
}

var unknownField = regexp.MustCompile(`field (\S+) not found in type config\.(\w+)`)

// The library's errors for a value of the wrong type and for a text that begins with "*". Both show the value, which may be a secret.
var (
	wrongType  = regexp.MustCompile(`(?s)cannot unmarshal .* into (\S+)$`)
	wrongAlias = regexp.MustCompile(`(?s)unknown anchor '.*' referenced`)
)

// typesInWords has the types of the fields; all others are mappings.
var typesInWords = map[string]string{
	"[]string": "a list of texts", "string": "a text", "float64": "a number", "bool": "true or false",
}

// mistakesOf returns the library's error without values, and with the fields that there are in place of this package's types.
func mistakesOf(err error) error {
	texts := []string{wrongAlias.ReplaceAllString(err.Error(), "a text that begins with * must be in quotes")}
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		texts = wrong.Errors
	}
	for i, text := range texts {
		texts[i] = wrongType.ReplaceAllStringFunc(text, func(found string) string {
			return "has a wrong type: want " + cmp.Or(typesInWords[wrongType.FindStringSubmatch(found)[1]], "a mapping")
		})
	}
	fields := map[string]string{}
	for _, section := range []any{file{}, fileSecrets{}, fileAccount{}, fileCallback{}, fileAgent{}, fileHandOver{}} {
		var names []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(section)) {
			if name := field.Tag.Get("yaml"); name != ",inline" {
				names = append(names, name)
			}
		}
		fields[reflect.TypeOf(section).Name()] = strings.Join(names, ", ")
	}
	return errors.New(unknownField.ReplaceAllStringFunc(strings.Join(texts, "; "), func(found string) string {
		parts := unknownField.FindStringSubmatch(found)
		return fmt.Sprintf("there is no field %s: want one of %s", parts[1], fields[parts[2]])
	}))
}

func (s Source) addFile(config *Config, path string) error {
	b, err := s.readFile(path)
	if err != nil {
		return fmt.Errorf("--config (SIGNALBOX_CONFIG): %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	decoder.KnownFields(true)
	var f file
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("--config (SIGNALBOX_CONFIG): %s: %w", path, mistakesOf(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("--config (SIGNALBOX_CONFIG): %s: has more than one YAML document; put all settings into one", path)
	}
	var mistakes []error
	config.SharedSecrets, err = s.secrets("shared", f.Shared.Secrets, f.Shared.SecretFiles)
	mistakes = append(mistakes, err)
	for name, account := range sorted(f.Accounts) {
		key := account.APIKey
		switch {
		case account.APIKey != "" && account.APIKeyFile != "":
			mistakes = append(mistakes, fmt.Errorf("accounts.%s: set apiKey or apiKeyFile, not both", name))
		case account.APIKeyFile != "":
			key, err = s.secretFile(account.APIKeyFile)
			if err != nil {
				mistakes = append(mistakes, fmt.Errorf("accounts.%s.apiKeyFile: %w", name, err))
			}
		}
		config.Accounts[name] = Account{
			BaseURL: strings.TrimSuffix(account.BaseURL, "/"), APIKey: key,
			CallsPerSecond: account.CallsPerSecond, ReadsPerSecond: account.ReadsPerSecond, Notify: account.Notify,
		}
	}
	for name, agent := range sorted(f.Agents) {
		secrets, err := s.secrets("agents."+name, agent.Secrets, agent.SecretFiles)
		mistakes = append(mistakes, err)
		for field, d := range sorted(map[string]fileDuration{"checkFor": agent.CheckFor, "staleAfter": agent.StaleAfter, "warnBefore": agent.WarnBefore}) {
			if d.mistake != nil {
				mistakes = append(mistakes, fmt.Errorf("--config (SIGNALBOX_CONFIG): %s: line %d: agents.%s.%s: %w", path, d.line, name, field, d.mistake))
			}
		}
		config.Agents[name] = Agent{
			Secrets: secrets, Notify: agent.Notify, HandOver: (*workflows.HandOver)(agent.HandOver),
			Options: workflows.ActivationOptions{
				StaleAfter:         agent.StaleAfter.value,
				WarnBefore:         agent.WarnBefore.value,
				CheckApprovalQueue: agent.CheckApprovalQueue,
				CheckFor:           agent.CheckFor.value,
			},
		}
	}
	for name, callback := range sorted(f.Callbacks) {
		secrets, err := s.secrets("callbacks."+name, callback.Secrets, callback.SecretFiles)
		mistakes = append(mistakes, err)
		config.Callbacks[name] = Callback{URL: callback.URL, Secrets: secrets, AllowPrivate: callback.AllowPrivate, AllowHTTP: callback.AllowHTTP}
	}
	return errors.Join(mistakes...)
}
