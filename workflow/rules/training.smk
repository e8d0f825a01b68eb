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


rule ciagan_crops:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections=lambda wildcards: PLAN.trainings.faces(
            wildcards.dataset, wildcards.landmarks
        ),
        library=PLAN.library("ciagan_crops"),
    output:
        crops="results/training/crops/{dataset}.{landmarks}.crops.npy",
        points="results/training/crops/{dataset}.{landmarks}.points.npy",
        labels="results/training/crops/{dataset}.{landmarks}.labels.csv",
    log:
        "logs/ciagan_crops/{dataset}.{landmarks}.log",
    wildcard_constraints:
        landmarks="dlib|mediapipe",
    conda:
        "../../envs/faces.yaml"
    message:
        "cutting faces of {wildcards.dataset} out by the landmarks of {wildcards.landmarks}"
    script:
        "../scripts/ciagan_crops.py"


rule train_generator:
    input:
        crops=lambda wildcards: PLAN.trainings.ciagan_input(
            wildcards.training, "crops.npy"
        ),
        points=lambda wildcards: PLAN.trainings.ciagan_input(
            wildcards.training, "points.npy"
        ),
        labels=lambda wildcards: PLAN.trainings.ciagan_input(
            wildcards.training, "labels.csv"
        ),
        start=lambda wildcards: PLAN.trainings.ciagan_start(wildcards.training),
        library=PLAN.library("train_ciagan"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        curves="results/training/{training}/rounds.csv",
        figure="results/training/{training}/rounds.svg",
        samples="results/training/{training}/samples.png",
    log:
        "logs/train_ciagan/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_ciagan"),
    conda:
        "../../envs/faces.yaml"
    threads: 64
    params:
        settings=lambda wildcards: PLAN.trainings.recipe("ciagan", wildcards.training),
        seed=PLAN.params.seed,
        # No output: it outlives an interrupted job, which then goes on from its last checkpoint.
        folder="results/training/{training}",
    message:
        "training CIAGAN: {wildcards.training}"
    script:
        "../scripts/train_ciagan.py"


rule cleanir_crops:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections="results/detect/{dataset}/dlib_hog.parquet",
        library=lambda wildcards: PLAN.library(
            "cleanir_crops", recogniser=wildcards.recogniser
        ),
    output:
        crops="results/training/crops/{dataset}.cleanir.{recogniser}.crops.npy",
        embeddings="results/training/crops/{dataset}.cleanir.{recogniser}.embeddings.npy",
        labels="results/training/crops/{dataset}.cleanir.{recogniser}.labels.csv",
    log:
        "logs/cleanir_crops/{dataset}.{recogniser}.log",
    wildcard_constraints:
        recogniser="[a-z0-9_]+",
    conda:
        "../../envs/faces.yaml"
    message:
        "cutting faces of {wildcards.dataset} out for CLEANIR"
    script:
        "../scripts/cleanir_crops.py"


rule train_autoencoder:
    input:
        crops=lambda wildcards: PLAN.trainings.cleanir_input(
            wildcards.training, "crops.npy"
        ),
        embeddings=lambda wildcards: PLAN.trainings.cleanir_input(
            wildcards.training, "embeddings.npy"
        ),
        labels=lambda wildcards: PLAN.trainings.cleanir_input(
            wildcards.training, "labels.csv"
        ),
        library=PLAN.library("train_cleanir"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        curves="results/training/{training}/rounds.csv",
        figure="results/training/{training}/rounds.svg",
        samples="results/training/{training}/samples.png",
    log:
        "logs/train_cleanir/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_cleanir"),
    conda:
        "../../envs/faces.yaml"
    threads: 64
    params:
        settings=lambda wildcards: PLAN.trainings.recipe("cleanir", wildcards.training),
        seed=PLAN.params.seed,
        # No output, as above.
        folder="results/training/{training}",
    message:
        "training CLEANIR: {wildcards.training}"
    script:
        "../scripts/train_cleanir.py"


rule deepprivacy_crops:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections="results/detect/{dataset}/mediapipe_keypoints.parquet",
        library=PLAN.library("deepprivacy_crops"),
    output:
        crops="results/training/crops/{dataset}.deepprivacy.crops.npy",
        places="results/training/crops/{dataset}.deepprivacy.places.npy",
        labels="results/training/crops/{dataset}.deepprivacy.labels.csv",
    log:
        "logs/deepprivacy_crops/{dataset}.log",
    conda:
        "../../envs/faces.yaml"
    message:
        "cutting faces of {wildcards.dataset} out for DeepPrivacy"
    script:
        "../scripts/deepprivacy_crops.py"


rule train_inpainter:
    input:
        crops=lambda wildcards: PLAN.trainings.deepprivacy_input(
            wildcards.training, "crops.npy"
        ),
        places=lambda wildcards: PLAN.trainings.deepprivacy_input(
            wildcards.training, "places.npy"
        ),
        labels=lambda wildcards: PLAN.trainings.deepprivacy_input(
            wildcards.training, "labels.csv"
        ),
        library=PLAN.library("train_deepprivacy"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        curves="results/training/{training}/rounds.csv",
        figure="results/training/{training}/rounds.svg",
        samples="results/training/{training}/samples.png",
    log:
        "logs/train_deepprivacy/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_deepprivacy"),
    conda:
        "../../envs/faces.yaml"
    threads: 64
    params:
        settings=lambda wildcards: PLAN.trainings.recipe(
            "deepprivacy", wildcards.training
        ),
        seed=PLAN.params.seed,
        # No output, as above.
        folder="results/training/{training}",
    message:
        "training DeepPrivacy: {wildcards.training}"
    script:
        "../scripts/train_deepprivacy.py"


rule mmda_faces:
    input:
        archive="results/ingest/{dataset}/images.tar",
        manifest="results/ingest/{dataset}/manifest.parquet",
        subjects="results/detect/{dataset}/subjects.parquet",
        detections="results/detect/{dataset}/dlib_hog.parquet",
        library=PLAN.library("mmda_faces"),
    output:
        textures="results/training/crops/{dataset}.mmda.{width}.textures.npy",
        shapes="results/training/crops/{dataset}.mmda.{width}.shapes.npy",
        labels="results/training/crops/{dataset}.mmda.{width}.labels.csv",
    log:
        "logs/mmda_faces/{dataset}.{width}.log",
    wildcard_constraints:
        width="[0-9]+",
    conda:
        "../../envs/faces.yaml"
    params:
        width=lambda wildcards: int(wildcards.width),
    message:
        "warping faces of {wildcards.dataset} to their mean shape"
    script:
        "../scripts/mmda_faces.py"


rule train_subspaces:
    input:
        textures=lambda wildcards: PLAN.trainings.mmda_input(
            wildcards.training, "textures.npy"
        ),
        shapes=lambda wildcards: PLAN.trainings.mmda_input(
            wildcards.training, "shapes.npy"
        ),
        labels=lambda wildcards: PLAN.trainings.mmda_input(
            wildcards.training, "labels.csv"
        ),
        library=PLAN.library("train_mmda"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        directions="results/training/{training}/directions.csv",
        quality="results/training/{training}/quality.csv",
        samples="results/training/{training}/samples.png",
    log:
        "logs/train_mmda/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_mmda"),
    conda:
        "../../envs/faces.yaml"
    params:
        settings=lambda wildcards: PLAN.trainings.recipe("mmda", wildcards.training),
        seed=PLAN.params.seed,
    message:
        "learning MMDA's subspaces: {wildcards.training}"
    script:
        "../scripts/train_mmda.py"


rule make_proxies:
    input:
        archive=lambda wildcards: PLAN.trainings.proxy_input(
            wildcards.training, "results/ingest/{dataset}/images.tar"
        ),
        manifest=lambda wildcards: PLAN.trainings.proxy_input(
            wildcards.training, "results/ingest/{dataset}/manifest.parquet"
        ),
        subjects=lambda wildcards: PLAN.trainings.proxy_input(
            wildcards.training, "results/detect/{dataset}/subjects.parquet"
        ),
        detections=lambda wildcards: PLAN.trainings.proxy_input(
            wildcards.training, "results/detect/{dataset}/mediapipe_mesh.parquet"
        ),
        library=PLAN.library("make_proxies"),
    output:
        weights="results/training/{training}/{training}.safetensors",
        quality="results/training/{training}/quality.csv",
        samples="results/training/{training}/samples.png",
    log:
        "logs/make_proxies/{training}.log",
    wildcard_constraints:
        training=PLAN.pattern("training_proxies"),
    conda:
        "../../envs/faces.yaml"
    params:
        settings=lambda wildcards: PLAN.trainings.recipe("proxies", wildcards.training),
    message:
        "making a gallery of proxies: {wildcards.training}"
    script:
        "../scripts/make_proxies.py"


rule train_proxies:
    input:
        PLAN.trainings.weights("proxies"),


rule train_mmda:
    input:
        PLAN.trainings.weights("mmda"),


rule train_deepprivacy:
    input:
        PLAN.trainings.weights("deepprivacy"),


rule train_cleanir:
    input:
        PLAN.trainings.weights("cleanir"),


rule train_ciagan:
    input:
        PLAN.trainings.weights("ciagan"),
