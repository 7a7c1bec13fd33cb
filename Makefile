# Shortcuts for people. Nothing requires them: .ci/run is the gate.
.DEFAULT_GOAL := help
.PHONY: help check test lint rehearse goldens

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

check: lint test ## what should pass before a commit

test: ## all tests
	go test -timeout 30m ./...

lint: bin/golangci-lint ## formatting and linters
	bin/golangci-lint fmt --diff
	bin/golangci-lint run

bin/golangci-lint: tools/lint/go.mod
	cd tools/lint && go build -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

rehearse: ## deploy, break and destroy a stack on this machine: make rehearse STACK=lamp
	go run ./cmd/emulator rehearse --stack $(or $(STACK),dev)

goldens: ## rewrite golden files and generated documents; look at the difference afterwards
	go test ./stack ./userdata -update
	UPDATE_DOCS=1 go test ./settings ./emulator/cloud/... ./emulator/provider/... ./emulator/conformance ./emulator/aws
	UPDATE_DOCS=1 go test ./cmd/emulator -run TestTheDocument
