package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// minSharedSecret is how many characters the shared secret has at least: with fewer it could be guessed, and whoever has it can post for
// every case. minToken is the same for a token of the internal listener.
const (
	minSharedSecret = 8
	minToken        = 16
)

// secretFile reads a file that holds one secret. Editors and `echo` add a byte order mark, blanks and line ends around it: these are removed.
func (s Source) secretFile(path string) (string, error) {
	text, err := s.textFile(path)
	if err != nil {
		return "", err
	}
	if lines := strings.Count(text, "\n") + 1; lines > 1 {
		return "", fmt.Errorf("%s has %d lines, want one: put each secret into a file of its own", path, lines)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", fmt.Errorf("%s holds control characters: write the secret as plain text", path)
	}
	return text, nil
}

// textFile reads a file as UTF-8, without what stands around its text, and with single line feeds as line ends.
func (s Source) textFile(path string) (string, error) {
	b, err := s.ReadFile(path)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(b, []byte{0xFF, 0xFE}) || bytes.HasPrefix(b, []byte{0xFE, 0xFF}) || bytes.IndexByte(b, 0) >= 0 {
		return "", fmt.Errorf("%s is UTF-16 or binary: save it as UTF-8", path)
	}
	if !utf8.Valid(b) {
		return "", fmt.Errorf("%s is not UTF-8: save it as UTF-8", path)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(b), "\uFEFF"))
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

// secret is NAME, or the content of the file that NAME_FILE names.
func (s Source) secret(env map[string]string, name string) (value string, set bool, err error) {
	value, set = env[name]
	path, fromFile := env[name+"_FILE"]
	switch {
	case set && fromFile:
		return "", true, fmt.Errorf("%s and %s_FILE: set only one of them", name, name)
	case fromFile:
		value, err = s.secretFile(path)
		if err != nil {
			err = fmt.Errorf("%s_FILE: %w", name, err)
		}
		return value, true, err
	}
	return value, set, nil
}

// secrets are what a list and a list of files hold.
func (s Source) secrets(setting string, list, files []string) ([]string, error) {
	var mistakes []error
	all := append([]string(nil), list...)
	for _, path := range files {
		one, err := s.secretFile(path)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s.secretFiles: %w", setting, err))
			continue
		}
		all = append(all, one)
	}
	return all, errors.Join(mistakes...)
}
