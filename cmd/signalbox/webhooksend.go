package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// sendTimeout is longer than Artmail's timeout (8 seconds), so that the command shows an answer that would be too late for Artmail.
const sendTimeout = 15 * time.Second

var errRefused = errors.New("the webhook was not accepted")

// sending is a test webhook.
type sending struct{ file, agent, reference, url string }

func (p process) webhookSend() *cobra.Command {
	var to sending
	send := &cobra.Command{
		Use:   "send -f BODY (--agent AGENT [--url URL] | --reference REFERENCE | --url URL)",
		Short: "Post a body from a file as a provider would, to test an ingress",
		Long: `Post a body from a file as a provider would, to test an ingress. With --agent the body is signed with the agent's first secret in the
configuration; with --reference it is posted to the case's capability URL. --url is the whole URL to post to.`,
		Args: cobra.NoArgs,
	}
	settings := p.settingsFlags(send, "config", "keyring", "public-url")
	send.RunE = func(cmd *cobra.Command, _ []string) error {
		read, err := settings()
		if err != nil {
			return err
		}
		body, err := p.readFile(cmd.Context(), to.file)
		if err != nil {
			return err
		}
		request, err := to.request(cmd, read, body)
		if err != nil {
			return err
		}
		return p.post(cmd, request)
	}
	flags := send.Flags()
	flags.StringVarP(&to.file, "file", "f", "", "file with the body; - is standard input")
	flags.StringVar(&to.agent, "agent", "", "Artmail agent whose secret signs the body")
	flags.StringVar(&to.reference, "reference", "", "reference of the Offload case of the event")
	flags.StringVar(&to.url, "url", "", "URL to post to, instead of the agent's URL")
	return send
}

func (s sending) request(cmd *cobra.Command, settings config.Config, body []byte) (*http.Request, error) {
	target, signature := s.url, ""
	switch {
	case s.agent != "" && s.reference != "":
		return nil, fmt.Errorf("%w: give --agent or --reference, not both", errUsage)
	case s.url != "" && s.reference != "":
		return nil, fmt.Errorf("%w: give --url or --reference, not both: to post the case's event to another host, set --public-url", errUsage)
	case s.agent != "":
		secrets := settings.Agents[s.agent].Secrets
		if cmd.Flag("config").Value.String() == "" {
			return nil, fmt.Errorf("%w: --agent: name --config (SIGNALBOX_CONFIG), the file with the agent's secret", errUsage)
		}
		if len(secrets) == 0 {
			return nil, fmt.Errorf("%w: --agent: the --config file has no secret for %q", errUsage, s.agent)
		}
		signature = artmail.Sign(body, secrets[0])
		if target == "" && settings.PublicURL != "" {
			target = settings.PublicURL + strings.Replace(workflows.ArtmailWebhookRoute, ":agent", url.PathEscape(s.agent), 1)
		}
	case s.reference != "":
		var err error
		if target, err = capabilityURL(settings, s.reference); err != nil {
			return nil, err
		}
	}
	if target == "" {
		return nil, fmt.Errorf("%w: give --url, or --public-url with --agent or --reference", errUsage)
	}
	request, err := http.NewRequestWithContext(cmd.Context(), http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		// The cause would contain the URL, which may have a token.
		return nil, fmt.Errorf("%w: --url is not a URL", errUsage)
	}
	request.Header.Set("Content-Type", "application/json")
	if signature != "" {
		request.Header.Set(artmail.SignatureHeader, signature)
	}
	return request, nil
}

// postOnce posts as a provider does, without following redirects. Its error does not contain the URL, which may have a token.
func postOnce(request *http.Request) (*http.Response, error) {
	poster := &http.Client{
		Timeout:       sendTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := poster.Do(request)
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err
	}
	return response, err
}

func (p process) post(cmd *cobra.Command, request *http.Request) (err error) {
	began := p.now()
	response, err := postOnce(request)
	if err != nil {
		return fmt.Errorf("%w: post to %s: %w", cmp.Or(request.Context().Err(), signalbox.ErrUnavailable), request.URL.Host, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("%w: %s", errRefused, response.Status)
	}
	return p.say(cmd, "%s after %s\n", response.Status, p.now().Sub(began).Round(time.Millisecond))
}
