from anonbench.progress import logged
from anonbench.training.ciagan_crops import ciagan_crop_files

with logged(snakemake.log[0]):
    ciagan_crop_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        landmarks=snakemake.wildcards.landmarks,
        crops=snakemake.output.crops,
        points=snakemake.output.points,
        labels=snakemake.output.labels,
    )
