"""Benchmarks: each module here with a NAME is one, and `make bench` finds it by itself.

    NAME = "submit"

    async def measure(bench: Bench) -> Result:
        runs = await bench.in_turns({"bare": bare, "ours": ours})
        ...

`bench.in_turns` calls every candidate once a round, so that all of them meet the same weather; a candidate is an
`async` function without arguments, and what it returns is kept, one a round. `bench.engines` has a PostgreSQL that
writes through to the disk, each database fresh and migrated, and a Valkey. `bench.seconds` is how long one candidate
may load something in one round; `bench.quick` is true in the tests, where only it matters that it runs at all.

A `Result` holds `Figure`s: a name, a unit, and one sample for each round. One that names another in `beside` is shown
as a ratio to it, taken round by round; `at_least` and `at_most` are targets, for the ratio where there is one. What
stands beside ours is always the barest equivalent, measured in the same run: absolute numbers of a shared machine
mean little. Nothing here asserts a time.
"""
