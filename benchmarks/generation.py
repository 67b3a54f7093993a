"""How fast answers are written, beside what the same runtime does without us, in one run and in turns.

On any machine: the embedded model through our stream and through the model host, against llama.cpp called
directly with the same prompt ids, threads, slots and greedy sampling. On a CUDA device: gpt-oss-20b at its
full shape with random weights, against plain `model.generate` and against what the device can do at most.
Ratios are of runs that took turns; seconds are those of this machine and whatever else it did.

    python -m benchmarks.generation [--plan] [--device auto|cpu|cuda] [--turns N] [--users 1 4]
        [--tokens N] [--prompt N] [--longest N]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from app.settings import keep_libraries_at_home
from benchmarks import generation_cpu, generation_cuda
from benchmarks.generation_tables import ABSENT, cpu_tables, cuda_tables, written
from storage.errors import MunimentError

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "generation.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    options = _options()
    # No kernel is looked for on a hub.
    keep_libraries_at_home()
    try:
        device = generation_cuda.device_name() if options.device in {"auto", "cuda"} else None
        if options.device == "cuda" and device is None:
            sys.exit("no CUDA device: run it with `--device cpu`, or where nvidia-smi lists a device")
        cpu = generation_cpu.Plan(
            turns=options.turns,
            users=tuple(options.users),
            tokens=options.tokens,
            prompt_tokens=options.prompt,
            long_prompt_tokens=options.longest,
        )
        cuda = generation_cuda.Plan() if device is not None else None
        if options.plan:
            print(json.dumps({"cpu": asdict(cpu), "cuda": asdict(cuda or generation_cuda.Plan())}, indent=1))
            print(generation_cuda.described(cuda or generation_cuda.Plan()))
            return
        result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
        if options.device != "cuda":
            result["cpu"] = {"machine": _machine(), "plan": asdict(cpu), **generation_cpu.measured(cpu)}
        if cuda is not None:
            result["cuda"] = {"device": device, "plan": asdict(cuda), **generation_cuda.measured(cuda)}
        result.setdefault("cuda", ABSENT)
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        page = (
            written(PAGE.read_text(), "generation-cpu", cpu_tables(result["cpu"])) if "cpu" in result else ""
        )
        PAGE.write_text(written(page or PAGE.read_text(), "generation-cuda", cuda_tables(result["cuda"])))
    except MunimentError as error:
        sys.exit(str(error))


def _machine() -> dict[str, object]:
    import os

    import psutil

    busy = psutil.cpu_percent(interval=1.0)
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "busy_before_percent": busy,
        "load": round(os.getloadavg()[0], 1),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", action="store_true", help="print what would be run, and run nothing")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--turns", type=int, default=3, help="how often each system runs, in turns")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 4], help="readers at once")
    parser.add_argument("--tokens", type=int, default=96, help="tokens of an answer, at most")
    parser.add_argument("--prompt", type=int, default=1_000, help="tokens of the usual prompt, on a CPU")
    parser.add_argument("--longest", type=int, default=8_000, help="tokens of the longest prompt, on a CPU")
    return parser.parse_args()


if __name__ == "__main__":
    main()
