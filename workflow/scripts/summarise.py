from anonbench.progress import logged
from anonbench.summarise import method_files, summarise_files, summary_settings

with logged(snakemake.log[0]):
    plan = snakemake.params.plan
    summarise_files(
        manifests=dict(zip(plan["datasets"], snakemake.input.manifests, strict=True)),
        guarantees=snakemake.input.guarantees,
        methods=method_files(plan, snakemake.input),
        settings=summary_settings(plan),
        out=dict(snakemake.output.items()),
    )
