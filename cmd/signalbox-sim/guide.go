package main

import (
	"io"
	"text/template"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
)

// guide is what the guide tells.
type guide struct {
	*sim.Providers
	secrets
	PublicURL, Listen string
	State, Reference  string
}

func (guide) Agent() string        { return sim.Agent }
func (g guide) WebhookURL() string { return sim.ArtmailWebhookURL(g.PublicURL) }

// guideText is made for copying: what isn't a command is a comment. A test runs its commands.
var guideText = template.Must(template.New("guide").Parse(`# Simulated providers, running until Ctrl-C:
#   Offload   {{.OffloadURL}}
#   Artmail   {{.ArtmailURL}}, whose agent {{.Agent}} posts to {{.WebhookURL}}
#   by hand   curl {{.URL}}/
#   state     {{.State}}, seed {{.Offload.Seed}}

# Second terminal: Signalbox, beside your Temporal (TEMPORAL_ADDRESS, else 127.0.0.1:7233).
cat > signalbox-sim.yaml <<'END'
agents:
  {{.Agent}}:
    secrets: ["{{.AgentSecret}}"]
END
export SIGNALBOX_CONFIG=signalbox-sim.yaml
export SIGNALBOX_OFFLOAD_BASE_URL={{.OffloadURL}}
export SIGNALBOX_OFFLOAD_API_KEY={{.OffloadKey}}
export SIGNALBOX_PUBLIC_URL={{.PublicURL}}
export SIGNALBOX_LISTEN={{.Listen}}
export SIGNALBOX_INBOX=signalbox-sim-inbox.db
export SIGNALBOX_KEYRING=signalbox-sim-keyring.json
[ -e "$SIGNALBOX_KEYRING" ] || signalbox keys create "$SIGNALBOX_KEYRING"
signalbox setup
signalbox serve

# Third terminal: a case that asks a question.
signalbox case start -f - <<'END'
{"reference": "{{.Reference}}", "request": {"channel": "EMAIL", "goal": {"objective": "Obtain a signed W-9"},
 "counterparty": {"address": "question@vendor.example", "name": "Ada"}, "senderPersona": {"name": "Grace"}}}
END
signalbox case wait {{.Reference}} --question
signalbox case answer {{.Reference}} --text "Yes, a signed PDF is fine."
signalbox case wait {{.Reference}}
`))

func writeGuide(out io.Writer, g guide) error { return guideText.Execute(out, g) }
