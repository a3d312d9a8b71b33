"""Tables that look like session tables and hold none: the reason for each, by names and by rows."""

from dataclasses import dataclass

from exporter.discover.facts import Table
from exporter.discover.judgement.candidate import Candidate
from exporter.discover.roles.roles import Role
from exporter.discover.roles.words import singular, words_of

WEEK = 7 * 86400.0

#: From this share of the rows on, ends or starts in the future are planned ones.
PLANNED_SHARE = 0.2

#: Closed rows of which a median is believed.
FEW = 5

_INTERVALS = "intervals of validity, which end as planned"
_WORK = "work that waits for people"
_COMMERCE = "a record of business, whose status people and other systems change"

#: What the last word of a table's name says, in the singular.
_KINDS = {
    **dict.fromkeys(
        (
            "season",
            "tenure",
            "membership",
            "subscription",
            "price",
            "plan",
            "contract",
            "lease",
            "term",
            "semester",
            "year",
            "period",
            "enrollment",
            "enrolment",
            "employment",
            "assignment",
            "license",
            "licence",
            "promotion",
            "discount",
            "coupon",
            "campaign",
            "offer",
            "rate",
            "warranty",
            "policy",
            "allocation",
            "version",
            "revision",
            "validity",
            "tariff",
            "sprint",
            "milestone",
            "quarter",
            "residency",
            "residence",
            "position",
            "experience",
            "education",
            "engagement",
            "placement",
            "holiday",
            "vacation",
            "absence",
            "leave",
            "auction",
            "sale",
            "trial",
            "grant",
            "consent",
            "ownership",
            "follower",
            "follow",
            "friendship",
            "relationship",
            "link",
            "affiliation",
            "calendar",
            "mandate",
            "admission_period",
        ),
        _INTERVALS,
    ),
    **dict.fromkeys(
        (
            "meeting",
            "appointment",
            "booking",
            "reservation",
            "event",
            "webinar",
            "lesson",
            "class",
            "schedule",
            "slot",
            "timeslot",
            "conference",
            "talk",
            "agenda",
            "course",
            "workshop",
            "timetable",
            "showing",
            "screening",
            "performance",
            "concert",
            "flight",
            "itinerary",
            "timetable",
            "availability",
            "exam",
            "lecture",
            "rota",
            "roster",
        ),
        "planned times, whose end is known at the start",
    ),
    **dict.fromkeys(
        (
            "ticket",
            "issue",
            "task",
            "todo",
            "incident",
            "case",
            "project",
            "epic",
            "story",
            "request",
            "approval",
            "review",
            "lead",
            "opportunity",
            "application",
            "candidate",
            "complaint",
            "goal",
            "objective",
            "deal",
            "alert",
            "card",
            "checklist",
            "inspection",
            "claim",
            "referral",
            "problem",
            "bug",
            "milestone",
            "proposal",
        ),
        _WORK,
    ),
    **dict.fromkeys(
        (
            "order",
            "invoice",
            "payment",
            "cart",
            "purchase",
            "transaction",
            "shipment",
            "delivery",
            "refund",
            "quote",
            "bill",
            "payout",
            "basket",
            "item",
            "product",
            "fulfillment",
            "return",
            "transfer",
            "charge",
            "expense",
            "budget",
            "fund",
            "donation",
            "settlement",
            "statement",
            "installment",
            "loan",
            "credit",
            "deposit",
            "withdrawal",
        ),
        _COMMERCE,
    ),
    **dict.fromkeys(
        (
            "token",
            "otp",
            "nonce",
            "invitation",
            "invite",
            "code",
            "key",
            "secret",
            "certificate",
            "grant",
            "credential",
            "challenge",
            "magic_link",
            "verification",
            "reset",
            "lock",
        ),
        "a right that expires without being ended; no end is ever missing",
    ),
    **dict.fromkeys(
        (
            "flag",
            "feature",
            "setting",
            "config",
            "configuration",
            "toggle",
            "experiment",
            "rule",
            "preference",
            "type",
            "category",
            "template",
            "definition",
            "role",
            "permission",
            "banner",
            "announcement",
            "notification",
            "webhook",
            "integration",
            "environment",
            "account",
            "user",
            "customer",
            "company",
            "organization",
            "team",
            "tenant",
            "device",
            "employee",
            "contact",
            "member",
            "profile",
            "partner",
            "vendor",
            "supplier",
            "server",
            "worker",
            "node",
            "channel",
            "room",
            "group",
            "workspace",
            "repository",
            "page",
            "menu",
            "location",
            "store",
            "warehouse",
            "migration",
        ),
        "what is switched on or archived, or exists for good; its flag is no end",
    ),
    **dict.fromkeys(
        (
            "thread",
            "post",
            "comment",
            "message",
            "chat",
            "topic",
            "article",
            "email",
            "pageview",
            "view",
            "hit",
            "click",
            "metric",
            "log",
            "audit",
            "activity",
            "visitor",
            "impression",
            "reading",
            "document",
            "file",
            "note",
            "feedback",
        ),
        "records without a life cycle: nothing ends them",
    ),
    **dict.fromkeys(("shift", "timesheet"), "times of people, which are often entered later"),
}

#: Heads that are a kind only where nothing of the application says otherwise: see `weak`.
_WEAK = frozenset(
    (
        "shift",
        "chat",
        "lock",
        "transfer",
        "charge",
        "transaction",
        "reservation",
        "class",
        "lesson",
        "exam",
        "review",
        "inspection",
        "delivery",
        "flight",
        "performance",
        "assignment",
        "engagement",
        "admission",
        "request",
        "activity",
        "case",
        "incident",
        "verification",
        "reading",
        "experience",
        "visitor",
        "member",
        "channel",
        "room",
        "device",
        "worker",
        "lease",
        "return",
        "deployment",
        "allocation",
        "view",
        "meeting",
        "webinar",
        "conference",
        "lecture",
        "leave",
        "position",
        "auction",
        "application",
        "log",
        "task",
        "thread",
        "presence",
        "challenge",
        "experiment",
        "message",
        "event",
        "webhook",
        "notification",
        "migration",
        "booking",
        "order",
        "email",
    )
)

#: Columns of work that people do.
_OF_WORK = frozenset(
    (
        "assignee",
        "due",
        "deadline",
        "reporter",
        "severity",
        "resolution",
        "milestone",
        "estimate",
        "story",
    )
)
#: Columns of planned times.
_OF_PLANS = frozenset(
    (
        "capacity",
        "venue",
        "recurrence",
        "rrule",
        "attendees",
        "seats",
        "recurring",
        "speaker",
        "agenda",
        "timezone_id",
    )
)
#: Columns of business.
_OF_BUSINESS = frozenset(
    (
        "sku",
        "invoice",
        "currency",
        "subtotal",
        "tax",
        "discount",
        "coupon",
        "renewal",
        "plan",
        "quantity",
    )
)


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Why a table is held for something else."""

    reason: str
    is_weak: bool = False
    """Whether an index or rows that look like sessions weigh more; then it is a question."""


def by_names(table: Table, roles: dict[Role, list[object]]) -> LookAlike | None:
    """By the names of the table and of its columns."""
    head = singular(words_of(table.name)[-1]) if words_of(table.name) else ""
    kind = _KINDS.get(head)
    if kind is not None:
        return LookAlike(f"the name says {head}: {kind}", is_weak=head in _WEAK)
    words = {word for name in table.columns for word in words_of(name)}
    for found, reason, least in (
        (_OF_WORK & words, _WORK, 2),
        (_OF_PLANS & words, "planned times, whose end is known at the start", 1),
        (_OF_BUSINESS & words, _COMMERCE, 2),
    ):
        if len(found) >= least:
            return LookAlike(
                f"it has columns of {', '.join(sorted(found))}: {reason}", is_weak=True
            )
    if roles[Role.PLANNED] and not roles[Role.START]:
        return LookAlike("its times are planned ones", is_weak=True)
    return None


def by_life_cycle(candidate: Candidate) -> LookAlike | None:
    """By what can end its rows."""
    roles, end = candidate.roles, candidate.end
    if end is None and not roles[Role.STATUS] and not candidate.seen:
        if roles[Role.EXPIRY]:
            return LookAlike("its rows expire by themselves: no end is ever missing")
        if not candidate.has_own_start:
            return LookAlike("it has no start of its own and no end: its flag is a switch")
    if end is None and roles[Role.EXPIRY] and not roles[Role.STATUS]:
        return LookAlike("its rows expire by themselves: no end is ever missing")
    if end is not None and end.not_null and candidate.end_none is None and not roles[Role.STATUS]:
        return LookAlike(f"{end.name} is NOT NULL: the end is set when the row is inserted")
    return None


def by_rows(candidate: Candidate) -> LookAlike | None:
    """By the times in the sample: planned, or far too long for sessions."""
    now, count = candidate.sample.now, candidate.sample.count
    if count < FEW or candidate.start is None:
        return None
    starts = [candidate.time(candidate.start, row) for row in candidate.rows()]
    ahead = sum(each is not None and each > now + 27 * 3600 for each in starts)
    if ahead > PLANNED_SHARE * count:
        return LookAlike(f"{ahead} of {count} starts are in the future: they are planned")
    if candidate.end is None:
        return None
    ends = [candidate.time(candidate.end, row) for row in candidate.rows()]
    later = sum(each is not None and each > now + 27 * 3600 for each in ends)
    ended = sum(each is not None for each in ends)
    if later > PLANNED_SHARE * max(ended, 1) and later >= 3:
        return LookAlike(f"{later} of {ended} ends are in the future: they are planned")
    lengths = sorted(
        end - start
        for start, end in zip(starts, ends, strict=True)
        if start is not None and end is not None and end > start and end <= now
    )
    if len(lengths) >= FEW and lengths[len(lengths) // 2] > WEEK:
        days = lengths[len(lengths) // 2] / 86400
        return LookAlike(
            f"half of its rows last longer than {days:.0f} days: too long for sessions"
        )
    return None
