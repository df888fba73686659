package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// fileToken is an entry of a token file.
type fileToken struct {
	Name     string      `yaml:"name"`
	Token    string      `yaml:"token"`
	Scopes   []api.Scope `yaml:"scopes"`
	Accounts []string    `yaml:"accounts"`
	Agents   []string    `yaml:"agents"`
}

// Tokens are the tokens of each file, by the file's path.
type Tokens map[string][]fileToken

// ReadTokens reads token files. A file is either a YAML list of name, token, scopes, accounts and agents, or has lines name:token, whose scope
// is admin; a line that begins with # is a comment. An empty file has no token. A name may occur twice, with the old token and the new one,
// while one replaces the other.
//
// previous has the tokens of the last call, nil at the start of the process. A file that can't be used keeps its previous tokens, so its error
// does not delay a revocation in another file. At the start, one of the files must have a token. Errors never contain a token.
func (s Source) ReadTokens(paths []string, previous Tokens) (Tokens, error) {
	read := Tokens{}
	var mistakes []error
	holders := map[string]string{}
	for _, path := range paths {
		tokens, err := s.tokenFile(path)
		seen := map[string]string{}
		for _, t := range tokens {
			if other := cmp.Or(seen[t.Token], holders[t.Token]); other != "" {
				err = errors.Join(err, fmt.Errorf("%s: %q and %q have the same token: give each its own", path, other, t.Name))
			}
			seen[t.Token] = t.Name
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("--internal-tokens (SIGNALBOX_INTERNAL_TOKENS): %w", err))
			tokens = slices.DeleteFunc(slices.Clone(previous[path]), func(t fileToken) bool { return holders[t.Token] != "" })
		}
		for _, t := range tokens {
			holders[t.Token] = t.Name
		}
		read[path] = tokens
	}
	if previous == nil && len(holders) == 0 && len(mistakes) == 0 {
		mistakes = append(mistakes, errors.New("--internal-tokens (SIGNALBOX_INTERNAL_TOKENS): no file has a token: want lines name:token, or a YAML list"))
	}
	return read, errors.Join(mistakes...)
}

// TokenSet returns the tokens of all files.
func (t Tokens) TokenSet() *api.TokenSet {
	set := new(api.TokenSet)
	for _, tokens := range t {
		for _, one := range tokens {
			set.Add(one.Token, api.Token{Name: one.Name, Scopes: one.Scopes, Accounts: one.Accounts, Agents: one.Agents})
		}
	}
	return set
}

func (s Source) tokenFile(path string) ([]fileToken, error) {
	text, err := s.textFile(path)
	if err != nil {
		return nil, err
	}
	tokens, err := parseTokens(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return tokens, err
}

func parseTokens(text string) ([]fileToken, error) {
	lines := tokenLines(text)
	var tokens []fileToken
	if len(lines) > 0 && (strings.HasPrefix(lines[0], "-") || strings.HasPrefix(lines[0], "[")) {
		decoder := yaml.NewDecoder(strings.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&tokens); err != nil {
			// The library's error contains parts of the file.
			return nil, errors.New("want a YAML list whose members have name, token and scopes, and may have accounts and agents")
		}
	} else {
		for n, line := range lines {
			name, secret, _ := strings.Cut(line, ":")
			name = strings.TrimSpace(name)
			// Otherwise this YAML line would become an admin token that is easy to guess.
			if strings.HasPrefix(name, "-") || slices.Contains([]string{"token", "scopes", "accounts", "agents"}, name) {
				return nil, fmt.Errorf("entry %d looks like YAML: begin the file with a YAML list, or use a name that does not begin with \"-\" and is not token, scopes, accounts or agents", n+1)
			}
			tokens = append(tokens, fileToken{Name: name, Token: strings.TrimSpace(secret), Scopes: []api.Scope{api.ScopeAdmin}})
		}
	}
	var mistakes []error
	for n, t := range tokens {
		mistakes = append(mistakes, t.validate(n+1))
	}
	return tokens, errors.Join(mistakes...)
}

// tokenLines returns the lines that are neither blank nor a comment, without the spaces around them.
func tokenLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func (t fileToken) validate(entry int) error {
	switch {
	case t.Name == "" || t.Token == "":
		return fmt.Errorf("entry %d: want name:token, or a YAML list whose members have a name and a token", entry)
	case workflows.JSONLen(t.Name) > workflows.MaxShortTextBytes:
		return fmt.Errorf("entry %d: the name is longer than %d bytes: shorten it", entry, workflows.MaxShortTextBytes)
	case len(t.Token) < minSecret:
		return fmt.Errorf("the token of %q is shorter than %d characters and could be guessed: `openssl rand -hex 32` makes one", t.Name, minSecret)
	case strings.ContainsAny(t.Token, " \t\n"):
		return fmt.Errorf("the token of %q has a space or a line break: remove it", t.Name)
	case len(t.Scopes) == 0:
		return fmt.Errorf("the token of %q has no scopes: want some of %s", t.Name, scopesInWords())
	case t.Accounts != nil && len(t.Accounts) == 0 || t.Agents != nil && len(t.Agents) == 0:
		return fmt.Errorf("the token of %q: accounts or agents is an empty list: leave it out for all of them, or name some", t.Name)
	case slices.Contains(t.Accounts, "") || slices.Contains(t.Agents, ""):
		return fmt.Errorf("the token of %q: accounts or agents has an empty name: remove it", t.Name)
	}
	for _, name := range slices.Concat(t.Accounts, t.Agents) {
		if !signalbox.Searchable(name) {
			return fmt.Errorf("the token of %q: accounts or agents: %q %s: use another name", t.Name, name, unsearchable)
		}
	}
	for _, scope := range t.Scopes {
		if !slices.Contains(api.Scopes(), scope) {
			return fmt.Errorf("the token of %q: scope %q is not one of %s", t.Name, scope, scopesInWords())
		}
	}
	return nil
}

func scopesInWords() string {
	words := make([]string, 0, len(api.Scopes()))
	for _, scope := range api.Scopes() {
		words = append(words, string(scope))
	}
	return strings.Join(words, ", ")
}
