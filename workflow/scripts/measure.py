from anonbench.progress import logged
from anonbench.utility import utility_files

with logged(snakemake.log[0]):
    detectors = snakemake.params.detectors
    utility_files(
        originals=snakemake.input.originals,
        archive=snakemake.input.archive,
        ledger=snakemake.input.ledger,
        subjects=snakemake.input.subjects,
        detections=dict(zip(detectors, snakemake.input.detections, strict=True)),
        redetections=dict(zip(detectors, snakemake.input.redetections, strict=True)),
        landmarks=snakemake.params.landmarks,
        out=snakemake.output.images,
    )
