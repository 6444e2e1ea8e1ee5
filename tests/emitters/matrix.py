"""The live emitters: each a script in a virtual environment of their own, told where the system and the model are."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SCRIPTS: Final = HERE / "scripts"
EXPECTED: Final = HERE / "expected"
PYTHON: Final = Path(os.environ.get("MISSION_CONTROL_EMITTERS", HERE.parents[1] / ".make" / "emitters")) / "bin" / "python"
EMITTERS: Final = sorted(file.stem for file in EXPECTED.glob("*.toml"))
SECONDS: Final = 120


def environment(project: str, collector: str, model: str) -> Mapping[str, str]:
    """What people set, as the emitters' own documents say. Nothing leaves this machine: whoever wants to be called home gets the model server."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-mission-control-project={project}",
        "OTEL_SERVICE_NAME": project,
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{model}/v1",
        "OPENAI_API_BASE": f"{model}/v1",
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": model,
        "LANGFUSE_BASE_URL": model,
        "LANGFUSE_HOST": model,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OPENAI_AGENTS_DISABLE_TRACING": "0",
        "NO_PROXY": "127.0.0.1",
    }


def run(emitter: str, collector: str, model: str) -> None:
    """To its end; raises CalledProcessError with what it said."""
    command = [str(PYTHON), str(SCRIPTS / f"{emitter}.py")]
    done = subprocess.run(command, env=environment(emitter, collector, model), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
