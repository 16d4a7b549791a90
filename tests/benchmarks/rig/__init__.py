"""What benchmarks are made of: rounds, engines, processes, load, tables."""
