#!/bin/sh
# What the Dockerfile runs, step by step; CI runs the same where there is no container engine (conf/image/try.sh).
set -eu
case "$1" in
  packages) # VENV LOCK
    python3 -m venv "$2"
    "$2/bin/python" -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r "$3"
    ;;
  kernels) # [GROUP...]
    shift
    # Writable for whatever user the cluster chooses: numba passes over a cache it cannot write to, and Ray keeps its
    # token in the home directory.
    python -m operators.precompile "$@"
    chmod -R a+rwX "$HOME"
    ;;
  healthy) python -c "import jobs.command, ray" ;;
  *) echo "build.sh: packages, kernels or healthy" >&2; exit 2 ;;
esac
