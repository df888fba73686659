curl -X POST http://127.0.0.1:8090/offload/sim/cases/REFERENCE/ask           # ask a question now
curl -X POST http://127.0.0.1:8090/offload/sim/cases/REFERENCE/complete      # complete it now: a webhook arrives
curl -X POST http://127.0.0.1:8090/offload/sim/webhook-faults/drop           # drop the next webhook: it is found by polling
curl -X POST http://127.0.0.1:8090/artmail/sim/agents/demo-agent/activate    # a brand activates the agent
curl http://127.0.0.1:8090/                                                  # all that can be done
