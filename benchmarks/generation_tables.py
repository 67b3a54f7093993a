"""The figures of `benchmarks/generation.py` as tables of docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

ABSENT = "not yet measured"


def written(page: str, name: str, text: str) -> str:
    """The page with what stands between the two marks of that name replaced; `ValueError` without them."""
    opening, closing = f"<!-- {name}: written by benchmarks/generation.py -->", f"<!-- /{name} -->"
    before, rest = page.split(opening, 1)
    _, after = rest.split(closing, 1)
    return f"{before}{opening}\n\n{text.strip()}\n\n{closing}{after}"


def cpu_tables(cpu: dict[str, Any]) -> str:
    """All CPU figures."""
    machine, plan = cpu["machine"], cpu["plan"]
    lines = [
        f"{machine['cores']} cores, {machine['busy_before_percent']:.0f} % busy with other work before; "
        f"{plan['threads']} threads; answers of at most {plan['tokens']} tokens; median of {plan['turns']}.",
        "",
        "| | system | tokens/s | first token, s | processor s | tokens/s to llama.cpp | processor to it |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    parts = [
        (f"{cpu[one]['prompt_tokens']:,} tokens of prompt", cpu[one]) for one in ("prompt", "long_prompt")
    ]
    parts += [(f"{one['users']} readers at once", one) for one in cpu["users"]]
    for label, part in parts:
        for name, row in part["systems"].items():
            ratios = part["ratios"].get(name, {})
            first = f"{row['first_token_s']:.2f}" if "first_token_s" in row else ""
            figures = [f"{row['tokens_per_second']:.1f}", first, f"{row['processor_s']:.2f}"]
            figures += [_times(ratios.get(one)) for one in ("tokens_per_second", "processor_s")]
            lines.append(f"| {label} | {name} | {' | '.join(figures)} |")
    heads = [
        "second question",
        "prompt",
        "in the first",
        "reused by ours",
        "first token, s",
        "",
        "",
        "same words",
    ]
    lines += ["", f"| {' | '.join(heads)} |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|---|"]
    for row in cpu["follow_up"]:
        times = " | ".join(f"{name} {seconds:.2f}" for name, seconds in row["first_token_s"].items())
        same = "yes" if all(row["same_text"].values()) else "no"
        figures = [row[one] for one in ("prompt_tokens", "shared_with_the_first", "reused")]
        opening = " | ".join(map(str, [row["second_question"], *figures]))
        lines.append(f"| {opening} | {times} | {same} |")
    peak = ", ".join(f"{name} {mib:,.0f} MiB" for name, mib in cpu["peak_mib"].items())
    same = all(cpu[part]["same_text"] for part in ("prompt", "long_prompt"))
    return "\n".join(
        [
            *lines,
            "",
            f"Peak memory: {peak}. The same words from ours as from llama.cpp: {'yes' if same else 'no'}.",
        ]
    )


def cuda_tables(cuda: dict[str, Any] | str) -> str:
    """All CUDA figures, or that there are none."""
    if isinstance(cuda, str):
        return "gpt-oss-20b on a CUDA device: not yet measured."
    lines = [
        f"{cuda['device']}; gpt-oss-20b at full shape, random weights, {cuda['quantization']}.",
        "",
        "| readers | system | tokens/s together | to `generate` | share of the memory's limit |",
        "|---:|---|---:|---:|---:|",
    ]
    for row in cuda["decode"]:
        opening = f"| {row['users']} | {row['system']} | "
        if row["tokens_per_second"] is None:
            lines.append(f"{opening}{row['problem']} | | |")
            continue
        lines.append(
            f"{opening}{row['tokens_per_second']:,.0f} | {_times(row['to_generate'])} | "
            f"{row['of_limit']:.0%} |"
        )
    lines += [
        "",
        "| prompt | system | first token, s | to `generate` | share of the arithmetic's limit | peak GiB |",
    ]
    lines += ["|---:|---|---:|---:|---:|---:|"]
    for row in cuda["prefill"]:
        opening = f"| {row['prompt_tokens']:,} | {row['system']} | "
        if row["first_token_s"] is None:
            lines.append(f"{opening}{row['problem']} | | | |")
            continue
        lines.append(
            f"{opening}{row['first_token_s']:.2f} | {_times(row['to_generate'])} | {row['of_limit']:.0%} | "
            f"{row['peak_gib']:.1f} |"
        )
    return "\n".join(lines)


def _times(ratio: float | None) -> str:
    return f"{ratio:.2f} x" if ratio is not None else ""
