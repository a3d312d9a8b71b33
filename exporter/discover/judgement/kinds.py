"""Kinds of tables that are no session tables, by the last word of their name in the singular."""

from collections.abc import Mapping

from exporter.discover.roles.words import phrases

INTERVALS = "intervals of validity, which end as planned"
WORK = "work that waits for people"
BUSINESS = "a record of business, whose status people and other systems change"
PLANS = "planned times, whose end is known at the start"

_WORDS = {
    INTERVALS: """
        season, tenure, membership, subscription, price, plan, contract, lease, term,
        semester, year, period, enrollment, enrolment, employment, assignment, license,
        licence, promotion, discount, coupon, campaign, offer, rate, warranty, policy,
        allocation, version, revision, validity, tariff, sprint, quarter, residency,
        residence, position, experience, education, engagement, placement, holiday,
        vacation, absence, leave, auction, sale, trial, consent, ownership, follower,
        follow, friendship, relationship, link, affiliation, calendar, mandate,
        admission_period
    """,
    WORK: """
        downtime, outage, alarm, maintenance, window, ban, suspension, penalty,
        milestone, ticket, issue, task, todo, incident, case, project, epic, story, request,
        approval, review, lead, opportunity, application, candidate, complaint, goal,
        objective, deal, alert, card, checklist, inspection, claim, referral, problem, bug,
        proposal
    """,
    "a right that expires without being ended; no end is ever missing": """
        grant, token, otp, nonce, invitation, invite, code, key, secret, certificate,
        credential, challenge, magic_link, verification, reset, lock
    """,
    PLANS: """
        meeting, appointment, booking, reservation, event, webinar, lesson, class, schedule,
        slot, timeslot, conference, talk, agenda, course, workshop, timetable, showing,
        screening, performance, concert, flight, itinerary, availability, exam, lecture,
        rota, roster
    """,
    BUSINESS: """
        order, invoice, payment, cart, purchase, transaction, shipment, delivery, refund,
        quote, bill, payout, basket, item, product, fulfillment, return, transfer, charge,
        expense, budget, fund, donation, settlement, statement, installment, loan, credit,
        deposit, withdrawal
    """,
    "what is switched on or archived, or exists for good; its flag is no end": """
        flag, feature, setting, config, configuration, toggle, experiment, rule, preference,
        type, category, template, definition, role, permission, banner, announcement,
        notification, webhook, integration, environment, account, user, customer, company,
        organization, team, tenant, device, employee, contact, member, profile, partner,
        vendor, supplier, server, worker, node, channel, room, group, workspace, repository,
        page, menu, location, store, warehouse, migration
    """,
    "records without a life cycle: nothing ends them": """
        thread, post, comment, message, chat, topic, article, email, pageview, view, hit,
        click, metric, log, audit, activity, visitor, impression, reading, document, file,
        note, feedback
    """,
    "times of people, which are often entered later": """
        shift, timesheet
    """,
}

#: By the noun: what it is instead.
KINDS: Mapping[str, str] = {noun: kind for kind, text in _WORDS.items() for noun in phrases(text)}

#: Nouns that some applications call their sessions: what the rows and indexes say weighs more.
WEAK = phrases(
    """
    timesheet, shift, chat, lock, transfer, charge, transaction, reservation, class, lesson,
    exam, review, inspection, delivery, flight, performance, assignment, engagement, admission,
    request, activity, case, incident, verification, reading, experience, visitor, member,
    channel, room, device, worker, lease, return, deployment, allocation, view, meeting,
    webinar, conference, lecture, leave, position, auction, application, log, task, thread,
    presence, challenge, experiment, message, event, webhook, notification, booking, order,
    email
    """
)
