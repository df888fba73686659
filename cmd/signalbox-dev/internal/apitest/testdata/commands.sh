signalbox todo                                  # what a person is needed for, the most urgent first
signalbox case list --needs-attention           # also: --state, --account, --prefix, --case-id, --open, --since, --before
signalbox activation list --agent demo-agent
signalbox case answer vendor_2048               # shows the question; $VISUAL/$EDITOR, or standard input where it is no terminal
signalbox case check vendor_2048                # read the case at Offload now
signalbox case transcript vendor_2048           # the conversation, read from Offload and stored nowhere
signalbox notice resend vendor_2048 --since 2h  # or by IDs; `dismiss` ends them
signalbox catch-up --since 2h --dry-run         # after an outage: replay deliveries, read open cases, resend notices
