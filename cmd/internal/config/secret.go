package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// minSecret is the minimum number of characters of the shared secret and of a token of the internal listener. A shorter one could be guessed.
const minSecret = 16

// secretFile reads a file with one secret. It removes a byte order mark, spaces and line ends around it, which editors and `echo` add.
func (s Source) secretFile(path string) (string, error) {
	text, err := s.textFile(path)
	if err != nil {
		return "", err
	}
	if lines := strings.Count(text, "\n") + 1; lines > 1 {
		return "", fmt.Errorf("%s has %d lines, want one: put each secret into a separate file", path, lines)
	}
	if problem := secretProblem(text); problem != "" {
		return "", fmt.Errorf("%s %s", path, problem)
	}
	return text, nil
}

// secretProblem returns what is wrong with a secret, or "". A secret with stray characters must not pass: it would verify no webhook.
func secretProblem(secret string) string {
	if secret == "" {
		return "is empty"
	}
	return strayProblem(secret)
}

// strayProblem returns what is wrong with the characters of a value, or "". Another tool may have added them: a path with a line end is the path of
// another file.
func strayProblem(value string) string {
	switch {
	case value != strings.TrimSpace(value):
		return "has spaces or line ends around it: remove them"
	case strings.ContainsFunc(value, unicode.IsControl):
		return "has control characters: write it as plain text"
	}
	return ""
}

// sharedSecretProblem returns what is wrong with a secret that is a part of a URL's path, or "".
func sharedSecretProblem(secret string) string {
	unfit := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(` /\%?#`, r) }
	switch {
	case utf8.RuneCountInString(secret) < minSecret:
		return fmt.Sprintf("fewer than %d characters and could be guessed", minSecret)
	case strings.ContainsFunc(secret, unfit):
		return `a character that a URL's path can't hold as it is: a space, one of / \ % ? #, or one that is not printable`
	}
	return ""
}

// readFile reads a file. See HideSecret for its error.
func (s Source) readFile(path string) ([]byte, error) {
	b, err := s.ReadFile(path)
	return b, HideSecret(path, err)
}

var likePath = regexp.MustCompile(`^(?:\.{0,2}/[\w./-]*|[\w./-]+\.[a-z]{2,5})$`)

// HideSecret removes the path from an error of reading a file, unless it looks like a path: it may be the secret itself, set where its file is
// wanted.
func HideSecret(path string, err error) error {
	failed, ok := errors.AsType[*fs.PathError](err)
	if !ok || likePath.MatchString(path) {
		return err
	}
	if likePath.MatchString(strings.TrimSpace(path)) {
		return fmt.Errorf("%q begins or ends with a space or a line end: remove it: %w", path, failed.Err)
	}
	return fmt.Errorf("want the path of a file; the value is not shown, since it may be the secret itself: %w", failed.Err)
}

// textFile reads a UTF-8 file, removes a byte order mark and spaces around the text, and converts line ends to line feeds.
func (s Source) textFile(path string) (string, error) {
	b, err := s.readFile(path)
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
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), nil
}

// secret returns the value of NAME, or the content of the file NAME_FILE.
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

// secrets returns the secrets in a list and in a list of files.
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

// Payloads are --payload-keys and --payload-decrypt-only for commands that have no flags of a process: the variables alone.
func (s Source) Payloads() (keys string, decryptOnly bool, err error) {
	env := s.variables()
	const name = "SIGNALBOX_PAYLOAD_DECRYPT_ONLY"
	if value, set := env[name]; set {
		if decryptOnly, err = strconv.ParseBool(value); err != nil {
			return "", false, fmt.Errorf("%s: %q is neither true nor false", name, value)
		}
	}
	return env["SIGNALBOX_PAYLOAD_KEYS"], decryptOnly, nil
}
