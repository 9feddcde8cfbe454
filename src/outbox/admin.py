"""The outbox in Django's admin: to look at, and to decide on quarantined events. Nothing can be edited."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.timezone import now

from outbox import quarantine, query
from outbox.models import OutboxBatch, OutboxEvent
from outbox.quarantine import NotInQuarantine


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # Django's class takes no arguments at run time
    object_list: QuerySet[Any]

    """Pages through a table too large to be counted whole for every look at it."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list[:10_001].count())


class ReadOnly(ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no arguments at run time
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ByState(SimpleListFilter):
    """The states are known; Django would look through the whole ledger for them."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in ("sealed", "delivered", "split", "quarantined", "discarded")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxBatch]) -> QuerySet[OutboxBatch]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(OutboxBatch)
class OutboxBatchAdmin(ReadOnly):
    list_display = ("batch_id", "state", "events", "bytes", "attempts", "age", "sealed_at", "reason")
    list_filter = (ByState, "sealed_at")
    ordering = ("-sealed_at", "batch_id")
    search_fields = ("batch_id__exact",)
    paginator = UncountedPaginator
    actions = ("replay_quarantined", "discard_quarantined")
    readonly_fields = ("recorded_events",)

    @admin.display(description="age")
    def age(self, batch: OutboxBatch) -> str:
        """How long it waited, or has been waiting, for its delivery."""
        seconds = ((batch.delivered_at or now()) - batch.sealed_at).total_seconds()
        return f"{seconds:,.1f} s"

    @admin.display(description="events of this batch")
    def recorded_events(self, batch: OutboxBatch) -> str:
        url = reverse("admin:outbox_outboxevent_changelist")
        return format_html('<a href="{}?batch={}">in the outbox, until its slot is rotated</a>', url, batch.batch_id)

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may change batches in general may decide on quarantined ones."""
        return request.user.has_perm("outbox.change_outboxbatch")

    @admin.action(description="Replay quarantined events", permissions=["decide"])
    def replay_quarantined(self, request: HttpRequest, batches: QuerySet[OutboxBatch]) -> None:
        self._decide(
            request, batches, done="will be delivered again", decide=lambda batch: quarantine.release(batch.pk)
        )

    @admin.action(description="Discard quarantined events for good", permissions=["decide"])
    def discard_quarantined(self, request: HttpRequest, batches: QuerySet[OutboxBatch]) -> HttpResponse | None:
        because = request.POST.get("because", "").strip()
        if not because:
            context = {**self.admin_site.each_context(request), "batches": batches, "title": "Discard for good?"}
            return TemplateResponse(request, "outbox/discard.html", context)
        by = str(request.user.pk)
        self._decide(
            request, batches, done="discarded",
            decide=lambda batch: quarantine.discard(batch.pk, by=by, because=because),
        )  # fmt: skip
        return None

    def _decide(self, request: HttpRequest, batches: QuerySet[OutboxBatch], *, done: str, decide: Any) -> None:
        for batch in batches:
            try:
                decide(batch)
            except NotInQuarantine as error:
                self.message_user(request, str(error), level=messages.WARNING)
            else:
                self.message_user(request, f"{batch.batch_id}: {done}", level=messages.SUCCESS)


class ByBatch(SimpleListFilter):
    """The events of one batch; a batch links here."""

    title = "batch"
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        batch_id = request.GET.get(self.parameter_name)
        return [(batch_id, batch_id)] if batch_id else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> QuerySet[OutboxEvent]:
        if self.value() is None:
            return queryset
        try:
            bounds = query.record("batch_bounds", batch_id=UUID(self.value()))
        except ValueError:
            bounds = None
        if bounds is None:
            return queryset.none()
        belongs = RawSQL(
            "id <@ (SELECT ids FROM outbox_batch WHERE batch_id = %s)", [self.value()], output_field=BooleanField()
        )
        return queryset.filter(belongs, id__range=(bounds["first"], bounds["last"]))


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnly):
    list_display = ("id", "event_type", "occurred_at", "actor_id", "request_id", "event_id")
    search_fields = ("id__exact",)
    ordering = ("-id",)
    list_filter = (ByBatch,)
    paginator = UncountedPaginator
