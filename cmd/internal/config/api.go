package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// The variables of commands that use the API. Processes don't read them.
const (
	apiURL   = "SIGNALBOX_API"
	apiToken = "SIGNALBOX_API_TOKEN"
)

// API is the HTTP API that a command uses instead of Temporal and the inbox. URL is empty if none is set.
type API struct{ URL, Token string }

// API reads the API of a command. address is the value of the flag, which overrides the variable.
func (s Source) API(address string) (API, error) {
	env := s.variables()
	api := API{URL: cmp.Or(address, env[apiURL])}
	if api.URL == "" {
		return api, nil
	}
	u, err := url.Parse(api.URL)
	switch {
	case !absoluteHTTP(api.URL) || err != nil || u.User != nil:
		return API{}, errors.New("--api (SIGNALBOX_API): want an absolute http or https URL without credentials and query, such as http://127.0.0.1:8081")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1"):
		return API{}, errors.New("--api (SIGNALBOX_API): leave /v1 out of the URL, as in http://127.0.0.1:8081")
	}
	token, set, err := s.secret(env, apiToken)
	switch problem := strayProblem(token); {
	case err != nil || !set:
	case token == "":
		err = fmt.Errorf("%s: must not be empty: set a token, or unset the variable", apiToken)
	case problem != "":
		err = fmt.Errorf("%s %s", apiToken, problem)
	}
	api.Token = token
	return api, err
}
