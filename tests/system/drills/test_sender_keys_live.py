"""A key made at a server is taken by collectors elsewhere, and no longer once it is revoked; without the broker they still know."""

from pathlib import Path

from mission_control.client import Target
from mission_control.commands.socket import order
from tests.brokers import Cluster
from tests.system.roles import roles_in
from tests.system.running import eventually
from tests.system.traffic import Agents

PATIENCE = 60.0


def test_collectors_follow_the_keys(tmp_path: Path, kafka: Cluster) -> None:
    with roles_in(tmp_path, kafka, processors=0) as roles:
        roles.start()
        (collector,), server, agents = roles.collectors, roles.server, Agents(1)
        target = Target(server.info["console"], server.info["token"], "", "", "", "")

        def status(key: str = "") -> int:
            request = agents.logs()
            return collector.post(request.path, request.body, **({"x-api-key": key} if key else {})).status_code

        assert eventually(status, lambda found: found == 200, PATIENCE) == 200
        made = order(target, "keys.create", {"name": "till", "project": "shop"})
        assert eventually(status, lambda found: found == 401, PATIENCE) == 401
        assert status(made["key"]) == 200
        assert status("mc_wrong") == 401

        collector.stop()
        collector.start()
        assert eventually(lambda: status(made["key"]), lambda found: found == 200, PATIENCE) == 200
        assert status() == 401

        kafka.node.end()
        try:
            assert status(made["key"]) == 503
            assert status("mc_wrong") == 401
        finally:
            kafka.node.start()
        assert eventually(lambda: status(made["key"]), lambda found: found == 200, PATIENCE) == 200

        order(target, "keys.revoke", {"key_id": made["key_id"]})
        assert eventually(lambda: status(made["key"]), lambda found: found == 401, PATIENCE) == 401
        assert [key["key_id"] for key in order(target, "keys.list", {})["items"]] == [made["key_id"]]
        assert server.reaches("SELECT count() AS n FROM audit_events WHERE action LIKE 'keys.%'", 2) == 2
