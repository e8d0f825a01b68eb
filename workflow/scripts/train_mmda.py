from anonbench.progress import logged
from anonbench.training.mmda_settings import MmdaTraining
from anonbench.training.train_mmda import train_mmda_files

with logged(snakemake.log[0]):
    train_mmda_files(
        textures=snakemake.input.textures,
        shapes=snakemake.input.shapes,
        labels=snakemake.input.labels,
        settings=MmdaTraining(**snakemake.params.settings),
        seed=snakemake.params.seed,
        weights=snakemake.output.weights,
        directions=snakemake.output.directions,
        quality=snakemake.output.quality,
        samples=snakemake.output.samples,
    )
