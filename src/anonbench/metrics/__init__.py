"""Numbers of the benchmark: error rates, intervals, identification, accuracy over folds."""
