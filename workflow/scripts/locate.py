from anonbench.progress import logged
from anonbench.subjects import subject_files

with logged(snakemake.log[0]):
    subject_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        order=snakemake.params.order,
        detections={snakemake.params.order[0]: snakemake.input.detections},
        options=snakemake.params.options,
        policy=snakemake.params.policy,
        out=snakemake.output[0],
    )
