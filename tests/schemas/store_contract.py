"""What every store does, whatever is behind it: held against the embedded engine and against a server over HTTP."""

import threading
import time
from collections.abc import Callable

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from schemas.errors import StoreUnavailableError
from schemas.store import ClickHouseStore, is_retryable

HOSTILE = "it's \\ {name:String} %s $x \n\t\"'"


class StoreContract:
    """Subclasses give `store`, a fixture, and `open_another`, which opens one of its own that may be closed."""

    @pytest.fixture
    def open_another(self) -> Callable[[], ClickHouseStore]:
        raise NotImplementedError

    @pytest.fixture
    def numbers(self, store: ClickHouseStore) -> str:
        table = f"numbers_{time.time_ns()}"
        store.command(f"CREATE TABLE {table} (a UInt32, b String DEFAULT 'none', c Nullable(Int8)) ENGINE = MergeTree ORDER BY a")
        return table

    def test_columns_go_by_name(self, store: ClickHouseStore, numbers: str) -> None:
        store.insert(numbers, pa.record_batch([pa.array([5], pa.int8()), pa.array([1], pa.uint32())], names=["c", "a"]))
        store.insert(numbers, pa.record_batch([pa.array(["x"]), pa.array([2], pa.uint32())], names=["b", "a"]))
        assert store.query(f"SELECT * FROM {numbers} ORDER BY a") == [{"a": 1, "b": "none", "c": 5}, {"a": 2, "b": "x", "c": None}]
        assert store.arrow(f"SELECT a FROM {numbers} WHERE a > {{least:UInt32}}", {"least": 1}).to_pylist() == [{"a": 2}]
        assert store.raw(f"SELECT a, b FROM {numbers} ORDER BY a", "CSV", settings={"max_threads": "1"}) == b'1,"none"\n2,"x"\n'
        assert store.query(f"SELECT count() AS n FROM {numbers}", settings={"max_rows_to_read": "10"}) == [{"n": 2}]

    @pytest.mark.parametrize("length", [1, 5_000])
    def test_parameters_of_any_length_and_text(self, store: ClickHouseStore, length: int) -> None:
        texts, text = [HOSTILE] * length, HOSTILE * length
        sql = "SELECT {texts:Array(String)} = arrayWithConstant({n:UInt32}, {one:String}) AS same, length({text:String}) AS bytes"
        given = {"texts": texts, "n": length, "one": HOSTILE, "text": text}
        assert store.query(sql, given) == [{"same": 1, "bytes": len(text)}]
        assert store.arrow(sql, given).to_pylist() == [{"same": 1, "bytes": len(text)}]
        assert store.raw(sql, "CSV", given) == f"1,{len(text)}\n".encode()

    def test_commands_take_parameters_too(self, store: ClickHouseStore, numbers: str) -> None:
        store.command(f"INSERT INTO {numbers} (a, b) SELECT 7, arrayJoin({{texts:Array(String)}})", {"texts": ["x" * 500] * 300})
        assert store.query(f"SELECT count() AS n, sum(length(b)) AS bytes FROM {numbers}") == [{"n": 300, "bytes": 150_000}]

    def test_an_insert_is_in_a_part_when_it_returns(self, store: ClickHouseStore, numbers: str) -> None:
        for number in range(3):
            store.insert(numbers, pa.record_batch([pa.array([number], pa.uint32())], names=["a"]))
            assert store.query(f"SELECT sum(rows) AS n FROM system.parts WHERE active AND table = '{numbers}'") == [{"n": number + 1}]

    def test_what_is_refused_leaves_the_next_call_alone(self, store: ClickHouseStore, numbers: str) -> None:
        for _ in range(3):
            with pytest.raises(DatabaseError) as caught:
                store.insert(numbers, pa.record_batch([pa.array([1])], names=["no such column"]))
            assert not is_retryable(caught.value)
            with pytest.raises(DatabaseError) as caught:
                store.query("SELECT number, throwIf(number = 100000) FROM numbers(200000)")
            assert caught.value.code == 395
            with pytest.raises(DatabaseError) as caught:
                store.raw("SELECT FROM WHERE", "JSON")
            assert caught.value.code == 62
            assert store.query("SELECT 7 AS seven") == [{"seven": 7}]

    def test_a_query_beyond_its_memory_may_be_tried_again(self, store: ClickHouseStore) -> None:
        with pytest.raises(DatabaseError) as caught:
            store.query("SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 1000000")
        assert is_retryable(caught.value)

    def test_many_threads_at_once(self, store: ClickHouseStore, numbers: str) -> None:
        def work(number: int) -> None:
            for turn in range(5):
                store.insert(numbers, pa.record_batch([pa.array([number * 10 + turn], pa.uint32())], names=["a"]))
                seen.append(store.query("SELECT {n:UInt32} AS n", {"n": number})[0]["n"] == number)

        seen: list[bool] = []
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert seen == [True] * 30
        assert store.query(f"SELECT uniqExact(a) AS n FROM {numbers}") == [{"n": 30}]

    def test_queries_that_run_can_be_killed(self, store: ClickHouseStore) -> None:
        ended: list[BaseException] = []

        def work() -> None:
            try:
                store.query("SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1 SETTINGS max_threads = 1")
            except DatabaseError as error:
                ended.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        while worker.is_alive():
            store.kill_queries()
            worker.join(0.1)
        assert isinstance(ended[0], DatabaseError)
        assert ended[0].code == 394

    def test_closed_it_takes_no_calls(self, open_another: Callable[[], ClickHouseStore]) -> None:
        another = open_another()
        another.query("SELECT 1")
        another.close()
        with pytest.raises(StoreUnavailableError):
            another.query("SELECT 1")
