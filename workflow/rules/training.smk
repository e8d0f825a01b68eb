# Training of the expression network, only when asked for: `snakemake train_dan`.
TRAINED = f"results/training/{PLAN.params.training.name}"


rule training_crops:
    input:
        archive=PLAN.training_input("results/ingest/{dataset}/images.tar"),
        manifest=PLAN.training_input("results/ingest/{dataset}/manifest.parquet"),
        subjects=PLAN.training_input("results/detect/{dataset}/subjects.parquet"),
        library=PLAN.library("training_crops"),
    output:
        crops=f"{TRAINED}/crops.npy",
        labels=f"{TRAINED}/labels.csv",
    log:
        "logs/training_crops.log",
    conda:
        "../../envs/faces.yaml"
    params:
        settings=PLAN.block("training"),
    message:
        "cutting out the faces to train on"
    script:
        "../scripts/training_crops.py"


rule train_dan:
    input:
        crops=rules.training_crops.output.crops,
        labels=rules.training_crops.output.labels,
        library=PLAN.library("train_dan"),
    output:
        weights=f"{TRAINED}/{PLAN.params.training.name}.safetensors",
        curves=f"{TRAINED}/curves.csv",
        figure=f"{TRAINED}/curves.svg",
    log:
        "logs/train_dan.log",
    conda:
        "../../envs/faces.yaml"
    # As many as there are: Snakemake lowers it to its --cores.
    threads: 64
    params:
        settings=PLAN.block("training"),
        seed=PLAN.params.seed,
        # No output: it outlives an interrupted job, which then goes on after its last epoch.
        checkpoint=f"{TRAINED}/checkpoint.pt",
    message:
        "training DAN"
    script:
        "../scripts/train_dan.py"
