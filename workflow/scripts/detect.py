from anonbench.detect import detect_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    detect_files(
        archive=snakemake.input.archive,
        detector=snakemake.wildcards.detector,
        options=snakemake.params.options,
        out=snakemake.output[0],
    )
