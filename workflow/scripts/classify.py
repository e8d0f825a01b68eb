from anonbench.classify import classify_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    classify_files(
        archive=snakemake.input.archive,
        ledger=snakemake.input.ledger,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        network=snakemake.params.network,
        options=snakemake.params.options,
        policies=snakemake.params.policies,
        threads=snakemake.threads,
        out=snakemake.output[0],
        part=snakemake.wildcards.get("part"),
    )
