"""What was found as JSON, for programs."""

from dataclasses import asdict
from typing import Any

from exporter.discover.proposal import Line, SourceProposal, Survey
from exporter.text import as_json


def survey_json(survey: Survey) -> str:
    """The same as the YAML, as one object."""
    server = survey.server
    return as_json(
        {
            "database": server.database,
            "role": server.role,
            "version": server.version,
            "standby": server.is_standby,
            "pooler": server.is_pooled,
            "tables": survey.tables,
            "catalog_only": not survey.reads_data,
            "not_seen": survey.unseen,
            "sources": [_source(each) for each in survey.sources],
            "left_out": [asdict(each) for each in survey.left_out],
        }
    )


def _source(source: SourceProposal) -> dict[str, Any]:
    declared = [each for each in source.lines if not each.is_suggestion]
    return {
        "name": source.name,
        "schema": source.schema,
        "relation": source.relation,
        "status": source.standing.value,
        "application": source.application,
        "settings": {each.key: each.value for each in declared},
        "reasons": {each.key: each.because for each in declared if each.because},
        "questions": [{"key": each.key, "question": each.text} for each in source.questions],
        "remarks": source.remarks,
        "suggestions": _lines([each for each in source.lines if each.is_suggestion]),
        "recovery": {"set": _lines(source.recovery), "left_out": source.no_recovery},
    }


def _lines(lines: list[Line]) -> dict[str, Any]:
    return {each.key: {"value": each.value, "because": each.because} for each in lines}
