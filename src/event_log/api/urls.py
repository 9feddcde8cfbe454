from django.urls import path

from event_log.api.views import EventsView, EventView

urlpatterns = [
    path("events/", EventsView.as_view(), name="events"),
    path("events/<uuid:event_id>/", EventView.as_view(), name="event"),
]
