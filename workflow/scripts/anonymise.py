from anonbench.anonymise import anonymise_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    anonymise_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        detections=snakemake.input.detections,
        subjects=snakemake.input.subjects,
        dataset=snakemake.wildcards.dataset,
        method=snakemake.wildcards.method,
        anonymiser=settings["anonymiser"],
        strengths=settings["strengths"],
        region=settings["region"],
        options=settings["options"],
        faces_policy=snakemake.params.faces,
        seed=snakemake.params.seed,
        prepared=snakemake.input.prepared,
        out_archive=snakemake.output.archive,
        out_ledger=snakemake.output.ledger,
        part=snakemake.wildcards.get("part"),
    )
