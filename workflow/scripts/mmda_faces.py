from anonbench.progress import logged
from anonbench.training.mmda_faces import mmda_face_files

with logged(snakemake.log[0]):
    mmda_face_files(
        archive=snakemake.input.archive,
        manifest=snakemake.input.manifest,
        subjects=snakemake.input.subjects,
        detections=snakemake.input.detections,
        width=snakemake.params.width,
        textures=snakemake.output.textures,
        shapes=snakemake.output.shapes,
        labels=snakemake.output.labels,
    )
