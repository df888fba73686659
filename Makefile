# `make check` is what CI runs before the tests. The tools are pinned in .ci/tools and built by Go itself.

GO    ?= go
TOOLS := -modfile=.ci/tools/go.mod

# Everything that doesn't link the embedded Temporal server: the race detector would rebuild that for many minutes.
RACE_PACKAGES = $$($(GO) list ./... | grep -v /cmd/signalbox-dev)

.PHONY: check test fmt format lint vet workflowcheck tidy imports race build torture

check: format vet lint workflowcheck tidy imports race

test: ## the whole suite
	$(GO) test ./...

torture: ## processes killed under a stream of webhooks; takes minutes
	$(GO) test -tags torture -count=1 ./cmd/signalbox-dev/internal/torture

build: ## the lean production binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/signalbox ./cmd/signalbox

fmt: ## format everything
	$(GO) tool $(TOOLS) golangci-lint fmt

format:
	$(GO) tool $(TOOLS) golangci-lint fmt --diff

lint:
	$(GO) tool $(TOOLS) golangci-lint run

vet:
	$(GO) vet ./...

workflowcheck: ## nondeterminism in workflow code
	$(GO) tool $(TOOLS) workflowcheck ./workflows/...

tidy: ## go mod tidy changes nothing
	$(GO) mod tidy -diff
	$(GO) -C .ci/tools mod tidy -diff

imports: ## no room reaches what it must not
	$(GO) test ./cmd -run TestRooms

race:
	$(GO) test -race $(RACE_PACKAGES)
