"""The vocabulary of failures."""

from __future__ import annotations

from anonbench.ledger import COLUMNS, INGEST_FAILURES, Status


def test_states_are_plain_words_that_fit_their_column() -> None:
    assert all(str(s) == s.value == s.name.lower() for s in Status)
    # Embedding files hold states of at most 16 characters; a longer one would be cut silently.
    assert max(len(s) for s in Status) <= 16


def test_only_ok_is_no_failure_and_ingest_has_its_own() -> None:
    assert Status("ok") is Status.OK and Status.OK not in INGEST_FAILURES
    assert {str(s) for s in INGEST_FAILURES} == {
        "unreadable", "too_large", "too_small", "duplicate",
    }  # fmt: skip


def test_columns_name_what_happened_to_each_image() -> None:
    assert COLUMNS == ("image_id", "strength", "status", "detail", "n_regions", "regions")
