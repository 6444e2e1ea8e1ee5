"""Whose key it is, and what a project may be called."""

from dataclasses import replace

import pytest

from collectors.errors import ForbiddenError, UnauthenticatedError
from collectors.keys import KnownKeys, Sender, credential_of, is_project_name, project_of
from schemas.errors import LogUnavailableError, MalformedRequestError
from schemas.sender_keys import KeyBook, SenderKey, mint
from schemas.settings import load_settings


def book_of(*kept: SenderKey) -> KeyBook:
    book = KeyBook(is_complete=True)
    book.take(kept)
    return book


def test_without_keys_everyone_may_send() -> None:
    assert KnownKeys.of(load_settings()).sender("", "shop") == Sender("shop", bound=False)


def test_with_a_key_only_its_holder_may() -> None:
    keys = KnownKeys.of(load_settings(api_key="sécret"))
    assert keys.sender("sécret", "shop") == Sender("shop", bound=True, key="api_key")
    assert keys.sender("sécret", "") == Sender("", bound=True, key="api_key")
    with pytest.raises(UnauthenticatedError, match=r"a key is needed; send `Authorization: Bearer KEY`"):
        keys.sender("", "shop")
    with pytest.raises(UnauthenticatedError, match="not known"):
        keys.sender("secret", "")


def test_a_bound_key_decides_the_project() -> None:
    key, kept = mint("till", "shop", "2030-01-01T00:00:00Z")
    keys = KnownKeys("", book_of(kept))
    assert keys.sender(key, "") == keys.sender(key, "shop") == Sender("shop", bound=True, key=kept.key_id)
    with pytest.raises(ForbiddenError, match="bound to project 'shop', the request names 'bank'"):
        keys.sender(key, "bank")


def test_whoever_holds_a_key_of_the_book_may_send_until_it_is_revoked() -> None:
    key, kept = mint("all", "", "2030-01-01T00:00:00Z")
    book = book_of(kept)
    keys = KnownKeys("own", book)
    assert keys.sender("own", "shop") == Sender("shop", bound=True, key="api_key")
    assert keys.sender(key, "bank") == Sender("bank", bound=True, key=kept.key_id)
    book.take([replace(kept, revoked_at="2030-01-02T00:00:00Z")])
    with pytest.raises(UnauthenticatedError, match=f"{kept.key_id} was revoked"):
        keys.sender(key, "bank")


def test_revoking_the_last_key_opens_no_door() -> None:
    _, kept = mint("all", "", "2030-01-01T00:00:00Z")
    keys = KnownKeys("", book_of(replace(kept, revoked_at="2030-01-02T00:00:00Z")))
    with pytest.raises(UnauthenticatedError, match="a key is needed"):
        keys.sender("", "shop")


def test_nobody_is_let_in_before_all_keys_are_known() -> None:
    key, kept = mint("all", "", "2030-01-01T00:00:00Z")
    book = KeyBook()
    book.take([kept])
    for credential in ("", key, "wrong"):
        with pytest.raises(LogUnavailableError, match="not known yet"):
            KnownKeys("own", book).sender(credential, "shop")
    assert KnownKeys("own", book).sender("own", "shop").key == "api_key"


@pytest.mark.parametrize(
    ("authorization", "api_key", "credential"),
    [("Bearer a", "", "a"), ("bearer  a ", "b", "a"), ("", " b", "b"), ("Basic a", "b", "b"), ("Basic a", "", ""), ("Bearer", "", "")],
)
def test_credential_of(authorization: str, api_key: str, credential: str) -> None:
    assert credential_of(authorization, api_key) == credential


@pytest.mark.parametrize(("header", "project"), [(None, ""), (" shop ", "shop"), ("x" * 128, "x" * 128), ("Größe 1/ж", "Größe 1/ж")])
def test_project_of(header: str | None, project: str) -> None:
    assert project_of(header) == project


@pytest.mark.parametrize("header", ["", "  ", " * ", "x" * 129, "a\x00b", "a\tb", "a\x85b"])
def test_what_no_project_is_called(header: str) -> None:
    assert not is_project_name(header.strip())
    with pytest.raises(MalformedRequestError, match="1 to 128 characters"):
        project_of(header)
