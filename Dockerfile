# The image a cluster runs: babelmerge at fixed versions, its kernels compiled. Build it with `make image`.
#   docker run --rm --init --shm-size=2g --user "$(id -u):$(id -g)" -v "$PWD:/data" babelmerge \
#     train corpus.jsonl.zst --vocab-size 8192 --out tokenizer
# Ray keeps arrays in /dev/shm, which docker makes 64 MB small unless --shm-size says otherwise.

FROM python:3.11-slim AS packages
COPY conf/image/build.sh requirements-run.lock /
RUN sh /build.sh packages /opt/venv /requirements-run.lock

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
COPY babelmerge /app/babelmerge
COPY conf /app/conf

USER 1000
RUN sh /app/conf/image/build.sh kernels

WORKDIR /data
HEALTHCHECK --interval=5m --timeout=1m --start-period=1m CMD ["sh", "/app/conf/image/build.sh", "healthy"]
ENTRYPOINT ["python", "-m", "jobs.command"]
CMD ["--help"]
