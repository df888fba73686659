curl -X POST http://127.0.0.1:8090/offload/sim/cases/REFERENCE/ask           # ask a question now
curl -X POST http://127.0.0.1:8090/offload/sim/cases/REFERENCE/complete      # complete it now: a webhook arrives
curl -X POST http://127.0.0.1:8090/offload/sim/webhook-faults/drop           # drop the next webhook: polling finds it after 15 minutes, `signalbox case check` at once
curl -X POST http://127.0.0.1:8090/artmail/sim/agents/demo-agent/activate    # a brand activates the agent
curl http://127.0.0.1:8090/                                                  # all that can be done
