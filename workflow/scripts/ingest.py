from pathlib import Path

from anonbench.ingest import ingest_files
from anonbench.progress import logged

with logged(snakemake.log[0]):
    settings = snakemake.params.settings
    ingest_files(
        dataset_type=settings["type"],
        root=Path(settings["path"]),
        options=settings["options"],
        max_pixels=settings["max_pixels"],
        duplicates=settings["duplicates"],
        out_archive=Path(snakemake.output.archive),
        out_manifest=Path(snakemake.output.manifest),
        out_pairs=Path(snakemake.output.pairs),
    )
