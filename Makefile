# `make` prints what there is. Every command works on a machine with Go and a C
# compiler; what needs more says so.

GO       ?= go
TESTS    ?= ./...
FUZZTIME ?= 10s
FLAGS    ?=
BENCH    ?= .

# Tests that hold something against the clock, or that fill the machine: they run one
# after the other, when all the others have ended.
ALONE := kith/web|kith/test/(lake|chaos)

# $(call run,flags of the report) runs the tests of TESTS.
define run
	@all=$$($(GO) list $(TESTS)) || exit; code=0; \
	together=$$(echo "$$all" | grep -vxE '$(ALONE)'); alone=$$(echo "$$all" | grep -xE '$(ALONE)'); \
	[ -z "$$together" ] || $(GO) run ./test/report $(1) $(FLAGS) $$together || code=$$?; \
	[ -z "$$alone" ] || $(GO) run ./test/report $(1) -p 1 $(FLAGS) $$alone || code=$$?; \
	exit $$code
endef

# The linter's version, so that everybody sees the same complaints.
LINTER := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.DEFAULT_GOAL := help
.PHONY: help build demo test test-all test-race scenario sim crash image-try compose-try chaos attack conformance fuzz check fmt vet arch lint lint-install gen bench bench-nodes benchmarks clean ui ui-api ui-install ui-test ui-shots

help: ## print this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  FLAGS=…      more flags for go test, such as FLAGS="-run TestName -count=1"'
	@echo '  TESTS=…      the packages to test; all by default'
	@echo '  KITH_REQUIRE_SERVERS=1   a test whose server is missing fails instead of being skipped'

build: ## build bin/kith
	$(GO) build -o bin/kith ./cmd/kith

demo: ## run kith with the customers of a real shop, and open the interface on one of them
	$(GO) run ./cmd/kith demo --shift-to-now --open

test: ## run every test; tells at the end what was skipped and why
	$(call run,)

test-all: ## the same, printing every line of every test
	$(call run,-all -v)

test-race: ## every test under the race detector
	$(call run,-race -short)

scenario: ## run the scenarios that tell the semantics (test/scenario)
	$(GO) run ./test/report $(FLAGS) ./internal/scenario/... ./test/scenario/...

sim: ## hold the engine against the oracle on random workloads, with faults
	$(GO) run ./test/report $(FLAGS) ./internal/pipeline/... ./test/law/... ./test/sim/...

crash: ## cut the power, kill the process, and look at what is left
	$(GO) run ./test/report -run 'Crash|Kill|Power|Torn|Recover' $(FLAGS) ./internal/eventlog/... ./internal/state/... ./test/crash/...

image-try: ## build the container image and try it (IMAGE=… tries one that is there); needs Docker or Podman, and some minutes
	deploy/try $(IMAGE)

compose-try: ## the three nodes of deploy/compose, while one is killed; needs Docker Compose, and some minutes to build
	deploy/compose/try

DURATION ?= 75s
chaos: ## three nodes on three brokers, PostgreSQL and ClickHouse while things break for DURATION (75s); needs Java, Maven, PostgreSQL; as root also the network and a disk
	KITH_CHAOS=1 $(GO) test -v -count=1 -timeout 0 -run TestChaos ./test/chaos -args -duration $(DURATION) $(FLAGS)

attack: ## hostile bodies, heads, paths, keys and connections against a running kith
	$(GO) run ./test/report $(FLAGS) ./test/attack/...

conformance: ## real SDKs against a running kith; needs Node, Python and a JDK
	$(GO) run ./test/report $(FLAGS) ./test/conformance/...

fuzz: ## run each fuzz target for FUZZTIME (10s)
	@set -e; grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' event internal cmd test | sort | while read -r file; do \
	  sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file" | while read -r name; do \
	    echo "$$(dirname "$$file") $$name"; \
	    $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
	  done; \
	done

check: ## the fast checks: formatting, vet, the laws of the tree
	@bad=$$(find event internal cmd test web -name node_modules -prune -o -name "*.go" -print0 | xargs -0 gofmt -l); if [ -n "$$bad" ]; then echo "not formatted, run make fmt:"; echo "$$bad"; exit 1; fi
	$(MAKE) vet arch

ui-install: ## fetch the packages of the interface; needs Node and npm
	cd web && npm ci --ignore-scripts

ui: ui-install ## build the interface anew, into web/dist
	cd web && npm run build

ui-api: build ## write the types of the API, which the interface is checked against; needs ui-install
	cd web && node generate.mjs $(CURDIR)/bin/kith

ui-test: ## the tasks of people in a real browser, with pictures in ui-test; needs Node, Chromium and ui-install
	KITH_UI_TEST=$(CURDIR)/ui-test $(GO) test -v -count=1 -timeout 15m ./web

ui-shots: ## pictures of every screen into ui-shots
	KITH_UI_SHOTS=$(CURDIR)/ui-shots $(GO) test -v -count=1 -timeout 20m -run TestShots ./web

fmt: ## format the code
	find event internal cmd test web -name node_modules -prune -o -name "*.go" -print0 | xargs -0 gofmt -w

vet: ## go vet
	$(GO) vet ./...

arch: ## the laws of the tree: imports, sizes, comments, documents
	$(GO) test $(FLAGS) ./internal/arch

lint: ## golangci-lint, if it is there
	@if command -v golangci-lint >/dev/null 2>&1; then golangci-lint run; \
	elif [ -x "$$($(GO) env GOPATH)/bin/golangci-lint" ]; then "$$($(GO) env GOPATH)/bin/golangci-lint" run; \
	else echo "golangci-lint is not installed; make lint-install builds it (some minutes)"; exit 1; fi

lint-install: ## build golangci-lint into GOPATH/bin
	$(GO) install $(LINTER)

gen: ## make the generated references anew
	$(GO) generate ./...

bench: build ## measure kith as a whole, beside plain programs
	bin/kith bench ingest $(FLAGS)
	bin/kith bench pipeline $(FLAGS)
	bin/kith bench read $(FLAGS)

EVENTS ?= 200000
bench-nodes: ## nodes on three brokers and PostgreSQL beside the embedded engines, for EVENTS (200000) events; needs Java, Maven, PostgreSQL
	KITH_CHAOS=1 $(GO) test -v -count=1 -timeout 0 -run TestBenchNodes ./test/chaos -args -events $(EVENTS) $(FLAGS)

benchmarks: ## the benchmarks of the packages; BENCH=regexp picks some
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(FLAGS) $(TESTS)

clean: ## remove what builds and demos leave
	rm -rf bin kith-demo
	$(GO) clean -testcache
