from itertools import product

from anonbench.progress import logged
from anonbench.report.page import write_report
from anonbench.report.times import write_times

with logged(snakemake.log[0]):
    plan = snakemake.params.plan
    conditions = product(plan["datasets"], plan["methods"])
    write_report(
        plan=plan,
        metrics=snakemake.input.metrics,
        curves=snakemake.input.curves,
        histograms=snakemake.input.histograms,
        ledger=snakemake.input.ledger,
        leaks=snakemake.input.leaks,
        checks=snakemake.input.checks,
        environment=snakemake.input.environment,
        pareto=snakemake.input.pareto,
        contrasts=snakemake.input.contrasts,
        manifests=dict(zip(plan["datasets"], snakemake.input.manifests, strict=True)),
        archives=dict(zip(conditions, snakemake.input.archives, strict=True)),
        figures=list(snakemake.input.figures),
        out=snakemake.output.page,
    )
    write_times(snakemake.params.times, snakemake.output.times)
