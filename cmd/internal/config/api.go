package config

import (
	"errors"
	"fmt"
	"net/url"
)

// The variables of commands that use the API. They are no settings of a process.
const (
	apiURL   = "SIGNALBOX_API"
	apiToken = "SIGNALBOX_API_TOKEN"
)

// API is the HTTP API that a command uses instead of Temporal and the inbox. URL is empty where none is named.
type API struct{ URL, Token string }

// API reads which API a command is to use; address is that of the flag, which goes before the variable.
func (s Source) API(address string) (API, error) {
	env := s.variables()
	api := API{URL: address}
	if api.URL == "" {
		api.URL = env[apiURL]
	}
	if api.URL == "" {
		return api, nil
	}
	if u, err := url.Parse(api.URL); !absoluteHTTP(api.URL) || err != nil || u.User != nil {
		return API{}, errors.New("--api (SIGNALBOX_API): want an absolute http or https URL without credentials and query, such as http://127.0.0.1:8081")
	}
	token, set, err := s.secret(env, apiToken)
	if err == nil && set && token == "" {
		err = fmt.Errorf("%s: it is empty: set a token, or leave the variable out", apiToken)
	}
	api.Token = token
	return api, err
}
