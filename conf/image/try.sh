#!/bin/sh
# The Dockerfile's steps in a temporary folder, with its environment and nothing of this one. Not tried: the base image,
# the user without rights, the entry point.   conf/image/try.sh PYTHON
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
checkout=$(cd "$(dirname "$0")/../.." && pwd)
mkdir "$root/app" "$root/home" "$root/data" "$root/bin"
ln -s "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")" "$root/bin/python3"
PATH="$root/bin:$PATH" "$checkout/conf/image/build.sh" packages "$root/venv" "$checkout/requirements-run.lock" >"$root/log" 2>&1 ||
  { cat "$root/log" >&2; exit 1; }
for package in operators pipelines jobs babelmerge conf; do cp -r "$checkout/$package" "$root/app/$package"; done
find "$root/app" -name __pycache__ -prune -exec rm -rf {} +
cd "$root/data"
in_image() {
  env -i PATH="$root/venv/bin:/usr/bin:/bin" HOME="$root/home" PYTHONPATH="$root/app" PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 RAY_USAGE_STATS_ENABLED=0 NUMBA_CPU_NAME=generic NUMBA_CACHE_DIR="$root/home/numba" "$@"
}
in_image sh "$root/app/conf/image/build.sh" kernels words # the other groups are compiled in the same way
in_image sh "$root/app/conf/image/build.sh" healthy
in_image python -c 'import sys; from operators.kernels import are_compiled; sys.exit(not are_compiled("words"))'
in_image python -m jobs.command --help >/dev/null
yes 'a text to train on, and another one' | head -100 >en.txt
in_image python -m jobs.command train en.txt --vocab-size 270 --engine local --out tokenizer
