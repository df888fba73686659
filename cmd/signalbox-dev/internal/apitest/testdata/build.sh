go build -o bin/ ./cmd/signalbox && export PATH=$PWD/bin:$PATH
export SIGNALBOX_API=http://127.0.0.1:8081      # with signalbox-dev, nothing else needs to be set
