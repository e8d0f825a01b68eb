# More faces, only when asked for: `snakemake render_faces`. One job a shard, then the labels.
rule render_shard:
    input:
        assets=lambda wildcards: PLAN.params.rendered.asset_input(),
        library=PLAN.library("render_shard"),
    output:
        archive=f"{PLAN.params.rendered.out}/faces-{{shard}}.tar",
        rows=f"{PLAN.params.rendered.out}/rows/faces-{{shard}}.csv",
    log:
        "logs/render_shard/{shard}.log",
    benchmark:
        "benchmarks/results/render_shard/{shard}.tsv"
    wildcard_constraints:
        shard="[0-9]+",
    conda:
        "../../envs/images.yaml"
    threads: 1
    params:
        shard=lambda wildcards: PLAN.params.rendered.shard_values(wildcards.shard),
        folder=subpath(output.archive, parent=True),
    message:
        "rendering shard {wildcards.shard} of the face set"
    script:
        "../scripts/render_shard.py"


rule render_faces:
    input:
        archives=PLAN.params.rendered.archives(),
        rows=PLAN.params.rendered.rows(),
        library=PLAN.library("render_faces"),
    output:
        labels=PLAN.params.rendered.labels,
        plan=PLAN.params.rendered.plan_file,
    log:
        "logs/render_faces.log",
    conda:
        "../../envs/images.yaml"
    params:
        plan=PLAN.params.rendered.plan,
        folder=subpath(output.labels, parent=True),
    message:
        "gathering the labels of the face set"
    script:
        "../scripts/render_faces.py"
