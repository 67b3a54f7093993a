"""Small folders laid out as the public sets are."""

from __future__ import annotations

import json
from pathlib import Path

POLICY = "Our policy.\r\nWe keep reminders on our servers for one year.\r\nNothing else is kept.\r\n"
LEASE = "Lease between Ada and Bob.\n\nThe tenant insures the building.\n\nRent is due monthly.\n"
NOTICE = "Mutual non-disclosure agreement of Carol.\n\nNotices are sent by post.\n"


def legalbench_rag(data: Path) -> Path:
    folder = data / "legalbench_rag"
    for subset, name, text in (
        ("policies", "policy.txt", POLICY),
        ("leases", "lease.txt", LEASE),
        ("leases", "lease copy.txt", LEASE),
        ("leases", "notice.txt", NOTICE),
    ):
        (folder / "corpus" / subset).mkdir(parents=True, exist_ok=True)
        (folder / "corpus" / subset / name).write_bytes(text.encode())
    (folder / "benchmarks").mkdir()
    _tests(folder, "policies", [("p1", "How long are reminders kept?", "policy.txt", POLICY, "one year")])
    _tests(
        folder,
        "leases",
        [
            ("l1", "Consider the lease of Ada and Bob; who insures?", "lease.txt", LEASE, "The tenant"),
            (
                "l2",
                "Consider the lease of Ada and Bob; when is rent due?",
                "lease copy.txt",
                LEASE,
                "monthly",
            ),
            ("l3", "How does Carol send notices?", "notice.txt", NOTICE, "by post"),
        ],
    )
    return data


def _tests(folder: Path, subset: str, tests: list[tuple[str, str, str, str, str]]) -> None:
    written = []
    for name, query, file, text, answer in tests:
        start = text.replace("\r\n", "\n").index(answer)
        snippet = {"file_path": f"{subset}/{file}", "span": [start, start + len(answer)], "answer": answer}
        written.append({"id": name, "query": query, "snippets": [snippet], "tags": [subset]})
    (folder / "benchmarks" / f"{subset}.json").write_text(json.dumps({"tests": written}))


def acord(data: Path) -> Path:
    folder = data / "acord"
    (folder / "qrels").mkdir(parents=True)
    clauses = {
        "c1": "New York law governs.",
        "c2": "Ontario law governs.",
        "c3": "Rent is due.",
        "c4": "Spare.",
    }
    _lines(folder / "corpus.jsonl", [{"_id": one, "text": text} for one, text in clauses.items()])
    _lines(folder / "queries.jsonl", [{"_id": "New York governing law", "text": "New York governing law"}])
    rows = "query-id\tcorpus-id\tscore\n" + "".join(
        f"New York governing law\t{clause}\t{grade}\n" for clause, grade in (("c1", 4), ("c2", 1), ("c3", 0))
    )
    (folder / "qrels" / "train.tsv").write_text(rows)
    return data


def pages(data: Path) -> Path:
    uda, erc2 = data / "uda_reports", data / "erc2_annual_reports"
    for folder, name in ((uda, "acme.pdf"), (uda, "other.pdf"), (erc2, "f00.pdf")):
        (folder / "pdfs").mkdir(parents=True, exist_ok=True)
        (folder / "pdfs" / name).write_bytes(name.encode())
    _lines(
        uda / "questions.jsonl",
        [
            {"id": "u1", "doc": "acme.pdf", "question": "interest in 2009?", "gold_page_1based": 49},
            {"id": "u2", "doc": "acme.pdf", "question": "who?", "pages_containing_answer_1based": [3, 5]},
            {"id": "u3", "doc": "acme.pdf", "question": "no page is known"},
        ],
    )
    _lines(erc2 / "documents.jsonl", [{"sha1": "f00", "file": "f00.pdf"}])
    _lines(
        erc2 / "questions.jsonl",
        [
            {
                "id": "e1",
                "question": "dividend?",
                "evidence_page_pools": [
                    [{"sha1": "f00", "page_index": 0}, {"sha1": "f00", "page_index": 4}],
                    [{"sha1": "f00", "page_index": 9}],
                ],
            },
            {"id": "e2", "question": "cannot be answered", "evidence_page_pools": []},
        ],
    )
    return data


def kgrag(data: Path) -> Path:
    folder = data / "kgrag_10q"
    (folder / "docs").mkdir(parents=True)
    for name in ("Q1.pdf", "Q2.pdf"):
        (folder / "docs" / name).write_bytes(name.encode())
    _lines(
        folder / "questions.jsonl",
        [
            {
                "id": "k1",
                "question": "How did sales move?",
                "question_type": "Multi-Doc RAG",
                "docs_cited_in_answer": ["Q1.pdf", "Q2.pdf"],
            },
            {"id": "k2", "question": "Nothing?", "question_type": "x", "docs_cited_in_answer": []},
        ],
    )
    return data


def _lines(path: Path, values: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in values))
