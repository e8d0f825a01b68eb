from anonbench.progress import logged
from anonbench.report.figures import write_figures

with logged(snakemake.log[0]):
    plan = snakemake.params.plan
    write_figures(
        dataset=snakemake.wildcards.dataset,
        plan=plan,
        metrics=snakemake.input.metrics,
        curves=snakemake.input.curves,
        histograms=snakemake.input.histograms,
        ledger=snakemake.input.ledger,
        pareto=snakemake.input.pareto,
        confusion=snakemake.input.confusion,
        manifest=snakemake.input.manifest,
        archives=dict(zip(plan["methods"], snakemake.input.archives, strict=True)),
        out=list(snakemake.output),
        processes=snakemake.threads,
    )
