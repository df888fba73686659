go build -o bin/ ./cmd/signalbox && export PATH=$PWD/bin:$PATH
export SIGNALBOX_API=http://127.0.0.1:8081      # signalbox-dev, which needs no keyring and no other setting
