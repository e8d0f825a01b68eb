from anonbench.progress import logged
from anonbench.training.adversarial_crops import adversarial_crop_files

with logged(snakemake.log[0]):
    adversarial_crop_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        size=int(snakemake.wildcards.size),
        crops=snakemake.output.crops,
        labels=snakemake.output.labels,
    )
