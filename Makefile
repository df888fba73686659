# `make check` is what CI runs before the tests. The tools are pinned in .ci/tools and built by Go itself.

GO    ?= go
TOOLS := -modfile=.ci/tools/go.mod

# Everything that doesn't link the embedded Temporal server: the race detector would rebuild that for many minutes.
RACE_PACKAGES = $$($(GO) list ./... | grep -v /cmd/signalbox-dev)

.PHONY: check test generate generate-check fmt format lint vet workflowcheck tidy imports race race-all build torture fuzz mutants

check: format vet lint workflowcheck generate-check tidy imports race

test: ## the whole suite
	$(GO) test -timeout 30m ./...

torture: ## two long runs of some 20 minutes each, one for each store: 10,000 events, each process killed 20 times, and 16 spells of a bad network
	$(GO) run ./cmd/signalbox-dev torture --events 10000 --kills 20 --toxics 16 --players 48
	$(GO) run ./cmd/signalbox-dev torture --events 10000 --kills 20 --toxics 16 --players 48 --inbox postgres

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
	$(GO) vet -tags gcs,azure ./activities/archive

workflowcheck: ## nondeterminism in workflow code
	$(GO) tool $(TOOLS) workflowcheck ./workflows/...

OAPI_CODEGEN = $(GO) tool -modfile=../../.ci/tools/go.mod oapi-codegen

generate: ## the code of the API's server and client from its document
	cd ingress/api && $(OAPI_CODEGEN) -config generate.yaml -o generated.go openapi.yaml && \
		$(OAPI_CODEGEN) -config client.yaml -o client_generated.go openapi.yaml

generate-check: ## the generated code is that of the document
	@cd ingress/api && fresh=$$(mktemp) && trap 'rm -f "$$fresh"' EXIT && \
		$(OAPI_CODEGEN) -config generate.yaml -o "$$fresh" openapi.yaml && diff -u generated.go "$$fresh" && \
		$(OAPI_CODEGEN) -config client.yaml -o "$$fresh" openapi.yaml && diff -u client_generated.go "$$fresh"

tidy: ## go mod tidy changes nothing
	$(GO) mod tidy -diff
	$(GO) -C .ci/tools mod tidy -diff
	$(GO) -C .ci/mutants mod tidy -diff

imports: ## no package imports what it must not
	$(GO) test ./cmd -run TestImports

race:
	$(GO) test -race -timeout 30m $(RACE_PACKAGES)

race-all: ## the same over the whole system; the first build takes half an hour on two cores
	$(GO) test -race -p 1 -timeout 60m ./...

fuzz: ## each fuzz test for half a minute
	@$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | while read -r package; do \
		$(GO) test -list '^Fuzz' "$$package" </dev/null | grep '^Fuzz' | while read -r name; do \
			echo "== $$package $$name"; $(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime 30s "$$package" </dev/null || exit 1; \
		done || exit 1; \
	done

# The packages that are plain rules, and what all workflows share.
MUTANTS = workflows/offloadcase/lifecycle workflows/artmailactivation/lifecycle workflows/notify/lifecycle workflows/offloadfiles/lifecycle \
	workflows/internal/rules workflows/internal/entity

# Go's coverage has no entry for the conditions of a switch, so gremlins calls those "not covered" and leaves them out.
mutants: ## changes one operator at a time and fails where under 98 % of the changes fail a test; some 20 minutes for each package
	@for package in $(MUTANTS); do \
		echo "== $$package"; $(GO) tool -modfile=.ci/mutants/go.mod gremlins --config .ci/mutants/gremlins.yaml unleash ./$$package || exit 1; \
	done
