from anonbench.progress import logged
from anonbench.training.make_proxies import proxy_files
from anonbench.training.proxy_settings import ProxyGallery

with logged(snakemake.log[0]):
    proxy_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        settings=ProxyGallery(**snakemake.params.settings),
        weights=snakemake.output.weights,
        quality=snakemake.output.quality,
        samples=snakemake.output.samples,
    )
