from anonbench.progress import logged
from anonbench.subjects import subject_files

with logged(snakemake.log[0]):
    detectors = snakemake.params.detectors
    subject_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        detections=dict(zip(detectors, snakemake.input.detections, strict=True)),
        policy=snakemake.params.policy,
        out=snakemake.output[0],
    )
