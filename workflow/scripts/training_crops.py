from anonbench.progress import logged
from anonbench.training.crops import crop_files
from anonbench.training.settings import Training

with logged(snakemake.log[0]):
    crop_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        settings=Training(**snakemake.params.settings),
        crops=snakemake.output.crops,
        labels=snakemake.output.labels,
    )
