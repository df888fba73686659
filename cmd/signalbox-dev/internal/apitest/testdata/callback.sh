go run ./cmd/signalbox-dev --callback finance=http://127.0.0.1:8099    # prints the secret that signs the notices
