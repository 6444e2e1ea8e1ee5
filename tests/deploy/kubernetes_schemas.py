"""JSON Schemas for kubeconform out of Kubernetes' OpenAPI description: one file per kind, with all that it refers to."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_MACHINERY: Final = "io.k8s.apimachinery.pkg."
_EITHER: Final = {
    _MACHINERY + "util.intstr.IntOrString": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    _MACHINERY + "api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}
"""Types that JSON writes in two ways, and OpenAPI 2 calls strings."""


def write_schemas(description: Path, place: Path) -> None:
    """KIND-GROUP-VERSION.json, as kubeconform's template asks for them."""
    definitions: dict[str, Any] = json.loads(description.read_text())["definitions"] | _EITHER
    for name, definition in definitions.items():
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:
            kind = kinds[0]
            parts = (kind["kind"].lower(), kind["group"].split(".")[0], kind["version"])
            schema = _standalone(name, kind, definitions)
            (place / ("-".join(part for part in parts if part) + ".json")).write_text(json.dumps(schema))


def _standalone(name: str, kind: dict[str, str], definitions: dict[str, Any]) -> dict[str, Any]:
    needed: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in needed:
            needed[one] = _strict(definitions[one])
            waiting += _references(needed[one])
    top = needed[name]
    version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
    top["properties"] |= {"apiVersion": {"const": version}, "kind": {"const": kind["kind"]}}
    top["required"] = sorted({*top.get("required", ()), "apiVersion", "kind"})
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": f"#/definitions/{name}", "definitions": needed}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _strict(definition: dict[str, Any]) -> dict[str, Any]:
    """Without what is only for people, and with no room for misspelt fields."""
    kept = copy.deepcopy({key: value for key, value in definition.items() if not key.startswith("x-")})
    if kept.get("properties"):
        kept["additionalProperties"] = False
        for field in kept["properties"].values():
            for key in [key for key in field if key.startswith("x-") or key == "default"]:
                del field[key]
    return kept
