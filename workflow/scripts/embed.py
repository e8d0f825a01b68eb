from anonbench.embed import embed_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    embed_files(
        archive=snakemake.input.archive,
        ledger=snakemake.input.ledger,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        recogniser=settings["type"],
        options=settings["options"],
        policies=snakemake.params.policies,
        threads=snakemake.threads,
        out=snakemake.output[0],
        part=snakemake.wildcards.get("part"),
    )
