"""A question about every document is told from a question about what documents say."""

import pytest

from engine.survey_questions import Survey, survey_of


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("list all agreements with a change-of-control clause", "change-of-control"),
        ("Which contracts mention arbitration?", "arbitration"),
        ("How many of the leases provide for a rent review?", "rent review"),
        ("Show me every NDAs that contain a non-solicitation provision", "non-solicitation"),
        ("In which agreements is there a cap on liability?", "cap on liability"),
        ("What documents refer to Project Falcon?", "Project Falcon"),
        ("Find all the supply contracts containing most favoured nation language", "most favoured nation"),
        ("which of these merger agreements have a reverse termination fee", "reverse termination fee"),
        ("Do any of our licences allow sublicensing?", "sublicensing"),
        ("Are there any contracts that restrict assignment?", "assignment"),
        ("please list all contracts governed by New York law", "New York law"),
        ("identify every agreements in this matter with an exclusivity clause", "exclusivity"),
        ("how many filings discuss climate risk?", "climate risk"),
        ("Give me all policies that mention cookies.", "cookies"),
    ],
)
def test_a_question_about_every_document_gives_its_subject(question, subject):
    assert survey_of(question) == Survey(subject)


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("Which contracts do not mention arbitration?", "arbitration"),
        ("list all leases without a break clause", "break"),
        ("which agreements lack a limitation of liability", "limitation of liability"),
    ],
)
def test_a_question_may_be_about_what_documents_lack(question, subject):
    assert survey_of(question) == Survey(subject, lacking=True)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "What is the notice period?",
        "List all parties to the lease.",
        "Which documents must the tenant deliver at completion?",
        "Which documents were delivered at closing?",
        "How many documents did the seller disclose?",
        "How many days' notice must be given under the agreements?",
        "What agreements must be signed before closing?",
        "Which contracts are Material Contracts?",
        "What does the agreement say about arbitration?",
        "Does this agreement contain a change of control clause?",
        "Which agreement mentions arbitration?",
        "List all conditions that the agreement contains.",
        "Consider the lease between A and B; which documents must be kept?",
        "All rights reserved",
        "Show me the merger agreement of Medallia and Thoma Bravo.",
        "What reports must the borrower deliver and by when?",
        "list all agreements",
    ],
)
def test_other_questions_are_left_to_the_search(question):
    assert survey_of(question) is None
