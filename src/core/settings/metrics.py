"""Metrics for Prometheus and heartbeats for health checks: where they are kept and who may ask."""

from django.core.exceptions import ImproperlyConfigured

from core.settings.environment import secret, text, whole

PROMETHEUS_MULTIPROC_DIR = text(
    "PROMETHEUS_MULTIPROC_DIR",
    default="",
    purpose="folder where the processes of a host keep their figures, empty at first; unset: nothing is measured",
)
METRICS_TOKEN = secret(
    "METRICS_TOKEN",
    default="",
    purpose="whoever asks for /metrics must show it as a bearer token; empty: the web server has none unless DEBUG",
)
METRICS_PORT = whole(
    "METRICS_PORT", default=0, most=65535, purpose="own port of web server and worker for /metrics; 0: none"
)
METRICS_HOST = text("METRICS_HOST", default="127.0.0.1", purpose="address on which METRICS_PORT listens")
HEARTBEAT_DIR = text(
    "HEARTBEAT_DIR",
    default="",
    purpose="folder in which worker and beat leave signs of life, see core.heartbeat; empty: none",
)

if (METRICS_PORT or METRICS_TOKEN) and not PROMETHEUS_MULTIPROC_DIR:
    asked_for = "METRICS_PORT" if METRICS_PORT else "METRICS_TOKEN"
    raise ImproperlyConfigured(f"PROMETHEUS_MULTIPROC_DIR is not set, but {asked_for} is: nothing would be measured")
