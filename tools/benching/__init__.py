"""Parts of the benchmark (`make bench`)."""
