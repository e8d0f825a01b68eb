from anonbench.detect import detect_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    detect_files(
        archive=snakemake.input.archive,
        detector=snakemake.wildcards.detector,
        boxes_only=snakemake.params.boxes_only,
        originals=snakemake.input.get("originals"),
        known=snakemake.input.get("known"),
        options=snakemake.params.options,
        out=snakemake.output[0],
        part=snakemake.params.get("part"),
    )
