"""Whose key it is, and what a project may be called."""

import pytest

from collectors.errors import ForbiddenError, UnauthenticatedError
from collectors.keys import NoKeys, OneKey, Sender, credential_of, is_project_name, keys_of, project_of
from schemas.errors import MalformedRequestError
from schemas.settings import load_settings


def test_without_keys_everyone_may_send() -> None:
    assert NoKeys().sender("", "shop") == Sender("shop", bound=False)
    assert isinstance(keys_of(load_settings()), NoKeys)


def test_with_a_key_only_its_holder_may() -> None:
    keys = keys_of(load_settings(api_key="sécret"))
    assert keys.sender("sécret", "shop") == Sender("shop", bound=True, key="api_key")
    assert keys.sender("sécret", "") == Sender("", bound=True, key="api_key")
    with pytest.raises(UnauthenticatedError, match=r"a key is needed; send `Authorization: Bearer KEY`"):
        keys.sender("", "shop")
    with pytest.raises(UnauthenticatedError, match="not known"):
        keys.sender("secret", "")


def test_a_bound_key_decides_the_project() -> None:
    keys = OneKey("k", "shop")
    assert keys.sender("k", "") == keys.sender("k", "shop") == Sender("shop", bound=True, key="api_key")
    with pytest.raises(ForbiddenError, match="bound to project 'shop', the request names 'bank'"):
        keys.sender("k", "bank")


@pytest.mark.parametrize(
    ("authorization", "api_key", "credential"),
    [("Bearer a", "", "a"), ("bearer  a ", "b", "a"), ("", " b", "b"), ("Basic a", "b", "b"), ("Basic a", "", ""), ("Bearer", "", "")],
)
def test_credential_of(authorization: str, api_key: str, credential: str) -> None:
    assert credential_of(authorization, api_key) == credential


@pytest.mark.parametrize(("header", "project"), [(None, ""), (" shop ", "shop"), ("x" * 128, "x" * 128), ("Größe 1/ж", "Größe 1/ж")])
def test_project_of(header: str | None, project: str) -> None:
    assert project_of(header) == project


@pytest.mark.parametrize("header", ["", "  ", "x" * 129, "a\x00b", "a\tb", "a\x85b"])
def test_what_no_project_is_called(header: str) -> None:
    assert not is_project_name(header.strip())
    with pytest.raises(MalformedRequestError, match="1 to 128 characters"):
        project_of(header)
