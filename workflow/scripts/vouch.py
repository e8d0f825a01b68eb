from anonbench.guarantee import guarantee_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    guarantee_files(
        archive=snakemake.input.archive,
        ledger=snakemake.input.ledger,
        manifest=snakemake.input.manifest,
        pairs=snakemake.input.pairs,
        dataset=snakemake.wildcards.dataset,
        method=snakemake.wildcards.method,
        enrolment=snakemake.params.enrolment,
        out=snakemake.output[0],
    )
