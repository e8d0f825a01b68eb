from anonbench.progress import logged
from anonbench.training.deepprivacy_crops import deepprivacy_crop_files

with logged(snakemake.log[0]):
    deepprivacy_crop_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        crops=snakemake.output.crops,
        places=snakemake.output.places,
        labels=snakemake.output.labels,
    )
