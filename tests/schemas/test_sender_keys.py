"""Keys of senders: made, written down, found by what their holder says."""

import orjson
import pytest

from schemas.sender_keys import VERSION, KeyBook, SenderKey, decode, digest_of, mint

NOW = "2030-01-01T00:00:00Z"


def test_only_the_digest_of_a_key_is_kept() -> None:
    text, key = mint("till", "shop", NOW)
    assert text.startswith("mc_")
    assert (key.digest, key.name, key.project, key.created_at, key.revoked_at) == (digest_of(text), "till", "shop", NOW, "")
    assert text.encode() not in key.encode()
    assert decode(key.encode()) == key
    assert mint("till", "shop", NOW)[1].key_id != key.key_id


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"version": 1}', orjson.dumps({"version": VERSION + 1})])
def test_what_is_no_key_of_this_version_lets_nobody_in(text: bytes) -> None:
    assert decode(text) is None


def test_a_book_is_told_of_keys_in_any_order() -> None:
    book = KeyBook()
    assert (bool(book), book.is_complete, book.find("k")) == (False, False, None)
    newer, older = SenderKey("2", "b", digest_of("k"), "", "2030-01-02T00:00:00Z"), SenderKey("1", "a", digest_of("l"), "", NOW)
    book.take([newer])
    book.take([older])
    book.take([])
    assert book.all() == [older, newer]
    assert book.find("k") == newer
