go run ./cmd/signalbox-dev --offload-call reset-after:create --offload-call throttle:get=0.2 \
  --offload-webhook drop:case.completed --artmail-webhook repeat=0.3
