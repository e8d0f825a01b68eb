# Transforms trained against a face classifier, only when asked for: `snakemake train_adversarial`.
rule adversarial_crops:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections="results/detect/{dataset}/dlib_hog.parquet",
        library=PLAN.library("adversarial_crops"),
    output:
        crops="results/training/crops/{dataset}.adversarial.{size}.crops.npy",
        labels="results/training/crops/{dataset}.adversarial.{size}.labels.csv",
    log:
        "logs/adversarial_crops/{dataset}.{size}.log",
    wildcard_constraints:
        size="[0-9]+",
    conda:
        "../../envs/faces.yaml"
    message:
        "cutting faces of {wildcards.dataset} out with their surroundings"
    script:
        "../scripts/adversarial_crops.py"


rule train_transform:
    input:
        crops=lambda wildcards: PLAN.trainings.adversarial_input(
            wildcards.training, "crops.npy"
        ),
        labels=lambda wildcards: PLAN.trainings.adversarial_input(
            wildcards.training, "labels.csv"
        ),
        start=lambda wildcards: PLAN.trainings.adversarial_start(wildcards.training),
        library=PLAN.library("train_adversarial"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        networks="results/training/{training}/networks.safetensors",
        curves="results/training/{training}/rounds.csv",
        figure="results/training/{training}/rounds.svg",
        samples="results/training/{training}/samples.png",
    log:
        "logs/train_adversarial/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_adversarial"),
    conda:
        "../../envs/faces.yaml"
    # As many as there are: Snakemake lowers it to its --cores.
    threads: 64
    params:
        settings=lambda wildcards: PLAN.trainings.recipe(
            "adversarial", wildcards.training
        ),
        seed=PLAN.params.seed,
        # No output: it outlives an interrupted job, which then goes on from its last checkpoint.
        folder="results/training/{training}",
    message:
        "training against a face classifier: {wildcards.training}"
    script:
        "../scripts/train_adversarial.py"


rule fresh_classifier:
    input:
        crops=rules.train_transform.input.crops,
        labels=rules.train_transform.input.labels,
        weights=rules.train_transform.output.weights,
        library=PLAN.library("fresh_classifier"),
    output:
        fresh="results/training/{training}/fresh/classifier.safetensors",
        curves="results/training/{training}/fresh/rounds.csv",
        figure="results/training/{training}/fresh/rounds.svg",
        samples="results/training/{training}/fresh/samples.png",
    log:
        "logs/fresh_classifier/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_adversarial"),
    conda:
        "../../envs/faces.yaml"
    threads: 64
    params:
        settings=rules.train_transform.params.settings,
        seed=PLAN.params.seed,
        # No output, as above.
        folder="results/training/{training}/fresh",
    message:
        "teaching a fresh classifier on what {wildcards.training} made"
    script:
        "../scripts/fresh_classifier.py"


rule adversaries:
    input:
        crops=rules.train_transform.input.crops,
        labels=rules.train_transform.input.labels,
        weights=rules.train_transform.output.weights,
        networks=rules.train_transform.output.networks,
        fresh=lambda wildcards: PLAN.trainings.fresh(wildcards.training),
        library=PLAN.library("adversaries"),
    output:
        "results/training/{training}/adversaries.csv",
    log:
        "logs/adversaries/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_adversarial"),
    conda:
        "../../envs/faces.yaml"
    threads: 64
    params:
        settings=rules.train_transform.params.settings,
        seed=PLAN.params.seed,
    message:
        "counting whom classifiers still tell: {wildcards.training}"
    script:
        "../scripts/adversaries.py"


rule gather_adversaries:
    input:
        tables=PLAN.trainings.adversaries(),
        library=PLAN.library("gather_adversaries"),
    output:
        csv="results/training/adversaries.csv",
        json="results/training/adversaries.json",
        markdown="results/training/adversaries.md",
    log:
        "logs/gather_adversaries.log",
    conda:
        "../../envs/faces.yaml"
    message:
        "putting together whom classifiers still tell"
    script:
        "../scripts/gather_adversaries.py"


rule train_adversarial:
    input:
        PLAN.trainings.weights("adversarial"),
        rules.gather_adversaries.output.csv,
