"""The tests of the benchmarks: a benchmark that miscounts proves nothing."""
