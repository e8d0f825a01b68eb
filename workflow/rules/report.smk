rule summarise:
    input:
        manifests=expand("results/ingest/{d}/manifest.parquet", d=PLAN.datasets),
        metrics=PLAN.scores("metrics.csv"),
        curves=PLAN.scores("curves.parquet"),
        histograms=PLAN.scores("histograms.parquet"),
        replicates=PLAN.scores("replicates.parquet"),
        expression_metrics=PLAN.expressions("metrics.csv"),
        expression_replicates=PLAN.expressions("replicates.parquet"),
        confusion=PLAN.expressions("confusion.csv"),
        no_expressions=PLAN.no_expressions(PLAN.methods),
        images=PLAN.per_method("results/utility/{method}/{dataset}.images.parquet"),
        ledgers=PLAN.per_method("results/anonymise/{method}/{dataset}.ledger.parquet"),
        guarantees=PLAN.guarantees(PLAN.methods),
        library=PLAN.library("summarise", methods=True),
    output:
        metrics="results/summary/metrics.csv",
        headline="results/summary/metrics.json",
        tradeoff="results/summary/tradeoff.csv",
        pareto="results/summary/pareto.csv",
        contrasts="results/summary/contrasts.csv",
        confusion="results/summary/confusion.csv",
        distances="results/summary/distances.csv",
        ledger="results/summary/ledger.csv",
        leaks="results/summary/leaks.csv",
        checks="results/summary/checks.json",
        curves="results/curves/curves.parquet",
        histograms="results/curves/histograms.parquet",
    log:
        "logs/summarise.log",
    benchmark:
        "benchmarks/results/summarise.tsv"
    conda:
        "../../envs/analysis.yaml"
    params:
        plan=PLAN.summary(),
    message:
        "gathering the results"
    script:
        "../scripts/summarise.py"


rule provenance:
    input:
        manifests=expand("results/ingest/{d}/manifest.parquet", d=PLAN.datasets),
        library=PLAN.library("provenance"),
    output:
        "results/summary/environment.json",
    log:
        "logs/provenance.log",
    conda:
        "../../envs/faces.yaml"
    params:
        datasets=PLAN.datasets,
        parameters=PLAN.resolved(),
        code=PLAN.code(),
    message:
        "recording versions, hashes and parameters"
    script:
        "../scripts/provenance.py"


rule draw_figures:
    input:
        metrics=rules.summarise.output.metrics,
        curves=rules.summarise.output.curves,
        histograms=rules.summarise.output.histograms,
        ledger=rules.summarise.output.ledger,
        pareto=rules.summarise.output.pareto,
        contrasts=rules.summarise.output.contrasts,
        confusion=rules.summarise.output.confusion,
        manifest="results/ingest/{dataset}/manifest.parquet",
        located="results/detect/{dataset}/subjects.parquet",
        faces=PLAN.faces_pictured(),
        refound=PLAN.refound_pictured(),
        archives=expand(
            "results/anonymise/{method}/{{dataset}}.tar", method=PLAN.methods
        ),
        library=PLAN.library("draw_figures", methods=True),
    output:
        [
            report(
                f"results/figures/{{dataset}}/{name}",
                category="Figures of {dataset}",
                caption=f"../report/{name.split('.')[0]}.rst",
                labels=PLAN.figure_labels(name),
            )
            for name in PLAN.figure_names()
            if name.endswith(".svg")
        ],
        [
            f"results/figures/{{dataset}}/{name}"
            for name in PLAN.figure_names()
            if name.endswith(".png")
        ],
    log:
        "logs/figures/{dataset}.log",
    benchmark:
        "benchmarks/results/figures/{dataset}.tsv"
    conda:
        "../../envs/analysis.yaml"
    # Nothing else is left to do by then.
    threads: 4
    params:
        plan=PLAN.summary(),
        pictured=PLAN.pictured(),
    message:
        "drawing the figures of {wildcards.dataset}"
    script:
        "../scripts/draw_figures.py"


rule report:
    input:
        metrics=rules.summarise.output.metrics,
        curves=rules.summarise.output.curves,
        histograms=rules.summarise.output.histograms,
        ledger=rules.summarise.output.ledger,
        leaks=rules.summarise.output.leaks,
        checks=rules.summarise.output.checks,
        environment=rules.provenance.output[0],
        pareto=rules.summarise.output.pareto,
        contrasts=rules.summarise.output.contrasts,
        manifests=expand("results/ingest/{d}/manifest.parquet", d=PLAN.datasets),
        archives=PLAN.per_method("results/anonymise/{method}/{dataset}.tar"),
        figures=PLAN.figures(),
        library=PLAN.library("report", methods=True),
    output:
        page=report(
            "results/report/index.html",
            category="Report",
            caption="../report/report.rst",
        ),
        times="results/report/time.html",
    log:
        "logs/report.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        plan=PLAN.summary(),
        times={
            name: PLAN.job_files(name, str(getattr(rules, name).benchmark))
            for name in PLAN.timed_stages
        },
    message:
        "writing the report"
    script:
        "../scripts/report.py"


rule check:
    input:
        checks=rules.summarise.output.checks,
        # After the report, so that a failed run can be looked at.
        report=rules.report.output,
        library=PLAN.library("check"),
    output:
        "results/check/passed.json",
    log:
        "logs/check.log",
    conda:
        "../../envs/analysis.yaml"
    message:
        "checking that the numbers can be used"
    script:
        "../scripts/check.py"


rule write_sources:
    input:
        code=PLAN.all_sources(),
    output:
        "results/sources/code.json",
    log:
        "logs/sources.log",
    conda:
        "../../envs/analysis.yaml"
    params:
        code=PLAN.code(),
        detectors=PLAN.params.detectors,
    message:
        "recording the code behind every stage"
    script:
        "../scripts/write_sources.py"
