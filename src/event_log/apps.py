from django.apps import AppConfig


class EventLogConfig(AppConfig):
    name = "event_log"
    default_auto_field = "django.db.models.BigAutoField"
