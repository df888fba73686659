cat >case.json <<'END'
{"reference": "vendor_4096", "request": {
  "channel": "EMAIL",
  "goal": {"objective": "Obtain a signed W-9"},
  "counterparty": {"address": "question@vendor.example", "name": "Ada"},
  "senderPersona": {"name": "Grace"}}}
END
signalbox case start -f case.json               # sent again, it attaches to the same case
signalbox case check vendor_4096                # read the case at Offload now
signalbox case wait vendor_4096 --question      # until it asks something
signalbox todo                                  # what a person is needed for, the most urgent first
signalbox case list --needs-attention           # also: --attention, --state, --account, --prefix, --case-id, --open open|closed, --since, --before
signalbox activation list --agent demo-agent
signalbox case answer vendor_4096 --text "Yes, a signed PDF is fine."
signalbox case wait vendor_4096                 # until it has ended; --timeout limits the wait
signalbox case transcript vendor_4096           # the conversation, read from Offload and stored nowhere
signalbox catch-up --since 2h --dry-run         # after an outage: replay deliveries, read open cases, resend notices
