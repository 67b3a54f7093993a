"""Answers are their asker's; summaries are the matter's."""

from dataclasses import replace

import pytest

from storage.errors import NotFound
from storage.records import Scope
from storage.shelf import Shelf


@pytest.fixture
def shelf(database):
    return Shelf(database)


def _keep(shelf, scope, question, thread="thread_1"):
    return shelf.save_answer(
        scope, thread_id=thread, question=question, body={"answer": "six"}, audit_index=3
    )


def test_a_thread_is_found_again_in_the_order_it_was_asked(shelf, scope):
    _keep(shelf, scope, "first?")
    _keep(shelf, scope, "and then?")
    _keep(shelf, scope, "something else?", thread="thread_2")
    assert [one.question for one in shelf.thread(scope, "thread_1")] == ["first?", "and then?"]
    assert [one.question for one in shelf.threads(scope)] == ["something else?", "first?"]


def test_nobody_reads_another_persons_answers(shelf, scope):
    kept = _keep(shelf, scope, "mine?")
    other = replace(scope, actor=replace(scope.actor, id="user_other"))
    assert shelf.threads(other) == []
    assert shelf.thread(other, "thread_1") == []
    with pytest.raises(NotFound):
        shelf.answer(other, kept)


def test_an_answer_stays_in_its_matter(shelf, scope, library, actor):
    kept = _keep(shelf, scope, "mine?")
    elsewhere = Scope(library.create_matter("Other", actor), actor)
    with pytest.raises(NotFound):
        shelf.answer(elsewhere, kept)


def test_a_summary_is_there_for_everyone_in_the_matter(shelf, scope):
    shelf.save_summary(scope, summary_id="summary_1", title="Lease", body={"statements": []}, audit_index=9)
    colleague = replace(scope, actor=replace(scope.actor, id="user_other"))
    kept = shelf.summary(colleague, "summary_1")
    assert (kept.title, kept.body, kept.audit_index) == ("Lease", {"statements": []}, 9)
    assert [one.id for one in shelf.summaries(colleague)] == ["summary_1"]
