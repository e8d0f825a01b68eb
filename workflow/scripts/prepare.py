from anonbench.prepare import prepare_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    prepare_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        pairs=snakemake.input.pairs,
        detections=snakemake.input.detections,
        subjects=snakemake.input.subjects,
        dataset=snakemake.wildcards.dataset,
        anonymiser=settings["anonymiser"],
        strengths=settings["strengths"],
        region=settings["region"],
        options=settings["options"],
        faces_policy=snakemake.params.faces,
        enrolment=snakemake.params.enrolment,
        seed=snakemake.params.seed,
        out_archive=snakemake.output.archive,
        out_groups=snakemake.output.groups,
    )
