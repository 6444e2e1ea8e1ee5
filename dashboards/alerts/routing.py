"""Who hears of an alert: contact points, policies, and the words of a message."""

from typing import Final

RECEIVER: Final = "mission-control"
URGENT: Final = "mission-control-urgent"

_MESSAGE: Final = """
{{ define "mission-control.title" }}[{{ .Status }}] {{ .CommonLabels.alertname }}{{ end }}
{{ define "mission-control.message" }}
{{ range .Alerts }}
{{ .Annotations.summary }}
{{ .Annotations.description }}
What to do: {{ .Annotations.runbook_url }}
Look: {{ .DashboardURL }}
{{ end }}
{{ end }}
"""


def contact_points() -> list[dict[str, object]]:
    """Two webhooks whose addresses come from Grafana's environment: one for what can wait, one for what cannot."""
    return [_webhook(RECEIVER, "$MISSION_CONTROL_ALERT_WEBHOOK"), _webhook(URGENT, "$MISSION_CONTROL_URGENT_WEBHOOK")]


def _webhook(name: str, url: str) -> dict[str, object]:
    settings = {
        "url": url,
        "httpMethod": "POST",
        "title": '{{ template "mission-control.title" . }}',
        "message": '{{ template "mission-control.message" . }}',
    }
    return {"orgId": 1, "name": name, "receivers": [{"uid": name, "type": "webhook", "settings": settings}]}


def policies() -> list[dict[str, object]]:
    """Grafana has one tree of policies: this file replaces it."""
    urgent = {
        "receiver": URGENT,
        "object_matchers": [["severity", "=", "critical"]],
        "group_wait": "10s",
        "group_interval": "1m",
        "repeat_interval": "1h",
    }
    return [
        {
            "orgId": 1,
            "receiver": RECEIVER,
            "group_by": ["grafana_folder", "alertname", "project"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [urgent],
        }
    ]


def templates() -> list[dict[str, object]]:
    return [{"orgId": 1, "name": "mission-control", "template": _MESSAGE.strip()}]
