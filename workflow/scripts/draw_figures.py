from anonbench.progress import logged
from anonbench.report.figures import write_figures

with logged(snakemake.log[0]):
    plan = snakemake.params.plan
    methods, detectors = snakemake.params.pictured
    write_figures(
        dataset=snakemake.wildcards.dataset,
        plan=plan,
        metrics=snakemake.input.metrics,
        curves=snakemake.input.curves,
        histograms=snakemake.input.histograms,
        ledger=snakemake.input.ledger,
        pareto=snakemake.input.pareto,
        contrasts=snakemake.input.contrasts,
        confusion=snakemake.input.confusion,
        manifest=snakemake.input.manifest,
        archives=dict(zip(plan["methods"], snakemake.input.archives, strict=True)),
        located=snakemake.input.located,
        faces=dict(zip(detectors, snakemake.input.faces, strict=True)),
        refound=dict(zip(methods, snakemake.input.refound, strict=True)),
        out=list(snakemake.output),
        processes=snakemake.threads,
    )
