from anonbench.progress import logged
from anonbench.report.page import write_report
from anonbench.report.times import write_times

with logged(snakemake.log[0]):
    write_report(
        plan=snakemake.params.plan,
        metrics=snakemake.input.metrics,
        curves=snakemake.input.curves,
        histograms=snakemake.input.histograms,
        ledger=snakemake.input.ledger,
        leaks=snakemake.input.leaks,
        checks=snakemake.input.checks,
        environment=snakemake.input.environment,
        figures=list(snakemake.input.figures),
        out=snakemake.output.page,
    )
    write_times(snakemake.params.times, snakemake.output.times)
