# Two commands are all one needs: `make play` and `make test`. Both set up everything they need first.
.PHONY: help play test lint screenshot clean requirements

help:
	@echo "make play   play the demo mix and open the page"
	@echo "make test   run all tests (installs a browser and a virtual sound card where it may)"
	@echo "make lint   style, types and layering only"
	@echo "make screenshot   make the pictures of the README anew"

play:
	@tools/set_up.sh live
	@.venv/bin/genrescope play sample_audio/mix.wav $(ARGS)

test: lint
	@tools/install_test_system.sh
	@.venv/bin/python -m pytest $(ARGS)

lint:
	@tools/set_up.sh test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

# Makes docs/page.png and docs/page.webp anew, the pictures in the README; takes a minute and a half, and ffmpeg.
screenshot:
	@tools/set_up.sh test
	@.venv/bin/python tools/screenshot.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis artefacts *.egg-info

# Pins everything anew; needs uv.
requirements:
	for extra in cpu gpu; do \
		uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --extra $$extra --extra links setup.cfg -o requirements/live-$$extra.txt; \
	done
	uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --extra cpu --extra test \
		-c requirements/live-cpu.txt setup.cfg -o requirements/test.txt
