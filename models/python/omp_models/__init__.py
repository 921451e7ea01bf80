"""Learning side of omp-edge: demonstrations in, a verified policy bundle out."""
