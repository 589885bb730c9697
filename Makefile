# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
#: the core, which is all that the demo needs; and what the tests need, torch among it
STAMP := .venv/.installed
READY := .venv/.ready

# The site's tests drive a real browser, those of agents' shells a real sandbox; without them they are skipped
# and say so. To install them takes root.
BROWSER := chromium
SANDBOX := bubblewrap

.PHONY: demo test faults official mutants constraints docs lint types published simulations cm2 todycomm personal \
	research team clean system

demo: $(STAMP)
	$(BIN)/harness eval --task arc1d,countdown --method direct,self-consistency -T level=1 --offline \
		--limit 100 --store results/demo
	$(BIN)/harness compare --baseline direct --store results/demo
	@echo "Everything above came from the embedded policy pocket/grid, offline and without a key."
	@echo "Next: $(BIN)/harness list tasks    $(BIN)/harness eval --help"

test: $(READY) system
	$(BIN)/ruff check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -n 2 --dist worksteal

# The versions that the action installs: those of this environment, with which the tests ran.
constraints: $(READY)
	$(BIN)/python -m benchmarks.dependencies > constraints-core.part
	mv constraints-core.part constraints-core.txt

# Campaigns of faults at length: kills, damaged stores, crafted files, addresses, scripts on the site.
faults: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest tests -m faults --durations=20

# What models are asked, and how agents of every kind are graded, by the official runners and by the harness: installs
# those runners (some 2 GB); HARNESS_TAU2_SOURCE and HARNESS_TOOLSANDBOX_SOURCE name checkouts.
official: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/e2e/test_official_requests.py tests/e2e/test_agent_kinds.py -m official

system:
	@if ! { command -v $(BROWSER) && command -v bwrap; } >/dev/null && [ "$$(id -u)" = 0 ] \
		&& command -v apt-get >/dev/null; then \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(BROWSER) $(SANDBOX)) \
		>/dev/null 2>&1 || echo "$(BROWSER) or $(SANDBOX) can't be installed: tests with them will be skipped"; fi

# Everything in results/published, made again. SHARED holds the recorded outputs and the mirror.
SHARED ?= ../shared
OUTPUTS = $(SHARED)/data/recorded_outputs
SCORE = $(BIN)/harness score --column sample_id=item_id --by run --no-transcripts \
	--mirror $(SHARED)/hub --store results/published
# Policies under six curricula, at equal rollouts; two smaller grids hold fewer of them.
CURRICULA = curriculum-uniform,curriculum-sec,curriculum-pcl,curriculum-learnability,curriculum-dapo,curator
TRAINED = $(BIN)/harness eval --seeds 5 --offline --no-transcripts --store results/published -M fit=train \
	-M levels=1,2 -M match=rollouts -M micro_batch=128 -M dormant=4 -M warm_up=1
UNTRAINED = $(BIN)/harness eval --method direct --model pocket/grid,pocket/start --offline --no-transcripts \
	--store results/published
ARC = --task arc1d -T bank=4000 -T dev=100
COUNTDOWN = --task countdown -T bank=1000 -T dev=100
DRAWN = $(BIN)/harness compare --baseline curriculum-uniform --store results/published
STARTS = lightgcn,lightgcn+llminit-var,lightgcn+gauss,lightgcn+shuffle
published: $(READY)
	rm -rf results/published/v1 results/published/baselines results/published/tables
	$(BIN)/harness eval --config results/published/run.yaml --offline --store results/published
	$(BIN)/harness baseline set main --config results/published/checks.yaml --store results/published
	$(SCORE) --task aime24 --where benchmark=aime24 --responses $(OUTPUTS)/aime24_skythought/recorded.jsonl.gz
	$(SCORE) --task amc23 --where benchmark=amc23 --responses $(OUTPUTS)/math500_skythought/recorded.jsonl.gz
	$(SCORE) --task math500 --where benchmark=math500 --responses $(OUTPUTS)/math500_skythought/recorded.jsonl.gz
	$(UNTRAINED) $(ARC)
	$(UNTRAINED) $(COUNTDOWN)
	$(TRAINED) $(ARC) --model pocket/start --method $(CURRICULA) -M steps=40 -M prompts=32 -M candidates=256 \
		-M rate=0.0001
	$(TRAINED) $(ARC) --model pocket/grid --method curriculum-uniform,curator -M steps=40 -M rate=0.00003
	$(TRAINED) $(COUNTDOWN) --model pocket/grid --method $(CURRICULA) -M steps=50 -M prompts=64 \
		-M candidates=512 -M rate=0.0002
	$(TRAINED) $(COUNTDOWN) --model pocket/start --method curriculum-uniform,curriculum-pcl,curator \
		-M steps=60 -M prompts=64 -M candidates=512 -M rate=0.0005
	$(DRAWN) --task arc1d -T bank=4000 --plot results/published/curricula-arc1d.svg
	$(DRAWN) --task countdown -T bank=1000 --plot results/published/curricula-countdown.svg
	$(BIN)/harness eval --task rec/ml-100k --embedder minilm -M lr=0.005 -M refit=false --seeds 5 --mirror $(SHARED)/hub \
		--method $(STARTS) --no-transcripts --store results/published
	$(BIN)/harness eval --task rec/amazon-games --embedder minilm -M layers=2 -M batch=65536 -M lr=0.03 \
		-M patience=2 -M refit=false --seeds 5 --mirror $(SHARED)/hub --method $(STARTS) --no-transcripts \
		--store results/recommendation
	$(BIN)/harness results export --store results/recommendation \
		--out results/published/recommendation/amazon-games.csv
	HARNESS_MIRROR=$(SHARED)/hub $(BIN)/python benchmarks/collapse.py --embedder minilm -M layers=2 \
		-M batch=16384 -M lr=0.02 -M patience=3 --dims 32,64,128,256,512 \
		--out results/published/recommendation/collapse
	$(BIN)/harness leaderboard build --tables --store results/published --out results/published/tables

# Which reward teaches a small tool policy most: resumable, at most four core-hours; JOBS runs at once.
JOBS ?= 1
cm2: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.cm2 --jobs $(JOBS)

# Agents that talk over rounds, on the simulator: resumable, about an hour of one core.
todycomm: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.todycomm --jobs $(JOBS)

# Methods of research on generated worlds, with the simulated reader: a few minutes of one core.
research: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.research

# Personal methods on generated users, with a simulated person: resumable, some minutes of one core.
personal: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.personal --jobs $(JOBS)

# Policies of when an agent asks its human, with a simulated agent and simulated humans: resumable, a quarter of
# an hour of one core.
team: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.team --jobs $(JOBS)

# Every statement about levels and power, simulated at length (half an hour); tests hold short ones.
simulations: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.simulations > benchmarks/simulations/README.part
	mv benchmarks/simulations/README.part benchmarks/simulations/README.md

# How many small wrong changes of the code the tests notice (benchmarks/mutants): by hand, for hours; what is
# stopped goes on where it was.
mutants: $(READY)
	$(BIN)/python -m pip install -q -e '.[mutants]'
	$(BIN)/python -m benchmarks.mutants record
	$(BIN)/python -m benchmarks.mutants try --jobs $(JOBS)
	$(BIN)/python -m benchmarks.mutants report > benchmarks/mutants/README.part
	mv benchmarks/mutants/README.part benchmarks/mutants/README.md

# The tables of docs/cli.md, made again from the commands.
docs: $(STAMP)
	$(BIN)/python -m harness.cli.reference docs/cli.md

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade pip
	$(BIN)/python -m pip install -q --compile -c constraints.txt -e .
	touch $(STAMP)

$(READY): $(STAMP)
	$(BIN)/python -m pip install -q --compile -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
