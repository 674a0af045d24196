"""Spanline: one sensor a site, one hub above them, the same program. Data goes one way.

    sources ─packets─▶ packets ▶ flows ─┐
            ─flows──────────────────────┼▶ entities ▶ detectors ▶ incidents ─┬▶ sinks
            ─events─────────────────────┘   who is      score,      link,    └▶ responses
                                            who,        then learn  rank,
                                            where       (baselines) explain

`store` and `metrics` watch from the side; `console` and `cli` read the store and ask for actions.

Who may import whom (tests/shape/test_imports.py enforces it; absolute imports only, no cycle):

1.  `baselines` → numpy, numba, llvmlite. Never `sensor`.
2.  `model` → the standard library, numpy, msgspec. `errors` → model, and everyone may import `errors`.
    `metrics` → model.
3.  `packets` → model, `baselines._jit` (and cryptography). `flows` → model, packets, `baselines._jit`.
4.  `wire` → model.
5.  `entities` → model, flows, baselines.
6.  `detectors` → model, entities, baselines.
7.  `store` → model.
8.  `incidents` → model, entities, baselines; it reaches the store through a Protocol in model.
9.  `sources` → model, packets, flows, wire, metrics, `baselines._jit`. `sinks` → model, wire, metrics.
    `responses` → model, wire, metrics, and its `executor` alone → store. No edge imports another edge.
10. `registry` → model. `config` → model, registry. `console` → store, model. `pipeline` → all of the above.
    `conversion` (captures to flow records alone) → model, packets, flows, sources, `baselines._jit`.
    `warming` (kernels compiled ahead) → `baselines._jit`. `cli` → config, pipeline, conversion, warming, store, model.
    Nobody else imports `pipeline`, `conversion`, `warming` or `cli`.
"""

__version__ = "0.1.0"
