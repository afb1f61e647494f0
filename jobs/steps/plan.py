"""The step `plan`."""

from jobs.configuration import read_sources
from pipelines.context import Job, out_directory, summary
from pipelines.corpus.sources import find_files
from pipelines.outputs import Output
from pipelines.plan.settings import Plan
from pipelines.settings import size_in_bytes


def run_plan(settings: Plan, job: Job) -> str:
    """Predict what training will need. Starts no engine: a sample is small."""
    from jobs.plan_table import plan_table
    from operators.kernels import are_compiled
    from pipelines.engines.local_engine import processors
    from pipelines.plan.step import COSTS, LOCAL_COSTS, plan_corpus, write_plan

    output = None if settings.out is None else Output(out_directory(settings), "plan")
    files = find_files(read_sources(settings.corpus))
    if not are_compiled("words"):
        job.progress.note("compiling kernels: some seconds, once on this machine")
    plan = plan_corpus(
        files,
        settings.pretokenizer,
        settings.vocab_sizes or [32768, 65536, 131072],
        job.progress,
        sample_bytes=settings.sample_mb * 1_000_000,
        workers=job.execution.workers,
        costs=LOCAL_COSTS if job.execution.engine == "local" else COSTS,
        memory_per_worker_bytes=size_in_bytes("memory_per_worker", settings.memory_per_worker),
        cores_per_node=settings.cores_per_node or processors(),
    )
    table = plan_table(plan)
    if output is None:
        return table
    with output:
        write_plan(plan, files, output)
    return f"{table}\n\n{summary(output, 'a plan', {}, str(output.directory / 'plan.json'))}"
