# The image a cluster runs: babelmerge at fixed versions, its kernels compiled. Build it with `make image`.
#   docker run --rm --init --shm-size=2g --user "$(id -u):$(id -g)" -v "$PWD:/data" babelmerge \
#     train corpus.jsonl.zst --vocab-size 8192 --out tokenizer
# Ray keeps arrays in /dev/shm, which docker makes 64 MB small unless --shm-size says otherwise.

FROM python:3.11-slim AS packages
COPY requirements-run.lock /
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --no-deps -r /requirements-run.lock

FROM python:3.11-slim
COPY --from=packages /opt/venv /opt/venv

# PYTHONSAFEPATH: a folder named `jobs` in the working directory must not take the place of ours.
# NUMBA_CPU_NAME: numba's cache is keyed by processor, and a cluster's is not the one that built the image; `generic`
# code runs on, and is found by, every processor of the architecture.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/var/babelmerge \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/var/babelmerge/numba

RUN useradd --uid 1000 --home-dir "$HOME" babelmerge \
 && install -d -o babelmerge -g babelmerge /data "$HOME" "$NUMBA_CACHE_DIR"

COPY operators /app/operators
COPY pipelines /app/pipelines
COPY jobs /app/jobs
COPY conf /app/conf

USER 1000
# Writable for whatever user the cluster chooses: numba passes over a cache it cannot write to, and Ray keeps its token
# in the home directory.
RUN python -m operators.warm && chmod -R a+rwX "$HOME"

WORKDIR /data
HEALTHCHECK --interval=5m --timeout=1m --start-period=1m CMD ["python", "-c", "import jobs.command, ray"]
ENTRYPOINT ["python", "-m", "jobs.command"]
CMD ["--help"]
