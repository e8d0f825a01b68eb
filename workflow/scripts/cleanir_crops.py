from anonbench.progress import logged
from anonbench.training.cleanir_crops import cleanir_crop_files

with logged(snakemake.log[0]):
    cleanir_crop_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        recogniser=snakemake.wildcards.recogniser,
        crops=snakemake.output.crops,
        embeddings=snakemake.output.embeddings,
        labels=snakemake.output.labels,
    )
