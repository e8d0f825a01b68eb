# The validated configuration and the names and files that rules are made of. No rules here.
from anonbench.parts import PATTERN, STAGES, part_file
from anonbench.workflow import Plan

PLAN = Plan.of(config, Path(workflow.basedir))


wildcard_constraints:
    dataset=PLAN.pattern("datasets"),
    method=PLAN.pattern("methods"),
    recogniser=PLAN.pattern("recognisers"),
    network=PLAN.pattern("expressions"),
    detector=PLAN.pattern("detectors"),
    part=PATTERN,


# A moment each: on a cluster they run where Snakemake does.
localrules:
    check,
    skip_expressions,
    write_sources,
