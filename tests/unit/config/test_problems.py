"""What a user reads about a config file that is wrong: each message in full."""

import pytest

ENVIRON = {"EVERY": "hourly", "SEMICOLON": ";", "LATIN": "\udcff"}

# Keys of a source, from line 9 of the file on -> the message.
KEYS = {
    "a misspelt key names the nearest one": (
        "stale_afer: 1m",
        "config.yaml:9: sources.chat.stale_afer: unknown key; did you mean stale_after?",
    ),
    "an unknown key lists the known ones where none is near": (
        "labels: {a: {value: a, values: [x], foo: 1}}",
        "config.yaml:9: sources.chat.labels.a.foo: unknown key; known here: value, values",
    ),
    "name is no key of a source": (
        "name: other",
        "config.yaml:9: sources.chat.name: unknown key; the name is the key around it",
    ),
    "a duplicate key names the first": (
        "every: 1m\nevery: 2m",
        "config.yaml:10: sources.chat.every: already given on line 9; keep one of the two",
    ),
    "a duplicate key deep inside": (
        "daily: {days: 1, days: 2}",
        "config.yaml:9: sources.chat.daily.days: already given on line 9; keep one of the two",
    ),
    "a key that YAML reads as a number": (
        "1: x",
        "config.yaml:9: sources.chat.1: expected text as a key, got 1; put it in quotes",
    ),
    "a key that YAML reads as a boolean": (
        "on: x",
        "config.yaml:9: sources.chat.on: expected text as a key, got on; put it in quotes",
    ),
    "a number where a duration is expected": (
        "every: 30",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got 30; write the unit: ms, s, m, h or d",
    ),
    "a quoted number where a duration is expected": (
        "every: '30'",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got '30'; write the unit: ms, s, m, h or d",
    ),
    "a duration with an unknown unit": (
        "every: 10 minutess",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got '10 minutess'",
    ),
    "units in the wrong order": (
        "every: 30m1h",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got '30m1h'",
    ),
    "YAML's sixty-based number": (
        "every: 1:30",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got '1:30'",
    ),
    "a zero duration": (
        "every: 0s",
        "config.yaml:9: sources.chat.every: expected a duration longer than 0, got '0s'",
    ),
    "a negative duration": (
        "every: -5s",
        "config.yaml:9: sources.chat.every: expected a duration longer than 0, got '-5s'",
    ),
    "a duration beyond every calendar": (
        "every: 4000d",
        "config.yaml:9: sources.chat.every: expected at most 3650d, got '4000d'",
    ),
    "a list where a duration is expected": (
        "every: [30s]",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got a list",
    ),
    "nothing where a duration is expected": (
        "every:",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got null",
    ),
    "a negative number": (
        "alert_above: -1",
        "config.yaml:9: sources.chat.alert_above: expected a whole number, at least 0, got -1",
    ),
    "a number that is too large": (
        "daily: {days: 367}",
        "config.yaml:9: sources.chat.daily.days: expected a whole number, at most 366, got 367",
    ),
    "a number that is too small": (
        "daily: {days: 0}",
        "config.yaml:9: sources.chat.daily.days: expected a whole number, at least 1, got 0",
    ),
    "a fraction where a whole number is expected": (
        "alert_above: 1.5",
        "config.yaml:9: sources.chat.alert_above: expected a whole number, got 1.5, "
        "which YAML reads as a number",
    ),
    "a boolean where a number is expected": (
        "max_series: yes",
        "config.yaml:9: sources.chat.max_series: expected a whole number, got yes, "
        "which YAML reads as a boolean",
    ),
    "an octal number, which nobody means": (
        "alert_above: 010",
        "config.yaml:9: sources.chat.alert_above: expected a whole number, got '010'",
    ),
    "text where a mapping is expected": (
        "daily: 7 days",
        "config.yaml:9: sources.chat.daily: expected a mapping of keys to values, got '7 days'",
    ),
    "a list where a mapping is expected": (
        "labels: [difficulty]",
        "config.yaml:9: sources.chat.labels: expected a mapping of keys to values, got a list",
    ),
    "text where a list is expected": (
        "show: user_id",
        "config.yaml:9: sources.chat.show: expected a list, got 'user_id'",
    ),
    "a time zone that does not exist": (
        "timezone: europe/berln",
        "config.yaml:9: sources.chat.timezone: expected a time zone such as "
        "Europe/Berlin, got 'europe/berln'; did you mean Europe/Berlin?",
    ),
    "a time zone that is no name": (
        "timestamps_in: 2",
        "config.yaml:9: sources.chat.timestamps_in: expected a time zone such as "
        "Europe/Berlin, got 2",
    ),
    "stale before the next collection": (
        "every: 1m\nstale_after: 30s",
        "config.yaml:10: sources.chat.stale_after: expected stale_after to be at least "
        "every, got stale_after '30s' and every '1m'; values would disappear between "
        "two collections",
    ),
    "stale before the next collection, with the default": (
        "stale_after: 10s",
        "config.yaml:9: sources.chat.stale_after: expected stale_after to be at least "
        "every, got stale_after '10s' and every 30s (the default); values would "
        "disappear between two collections",
    ),
    "overlong without a sign of life": (
        "overlong_after: 4h",
        "config.yaml:9: sources.chat.overlong_after: expected last_seen_at beside "
        "overlong_after, got overlong_after '4h' and no last_seen_at; without a sign "
        "of life, orphaned_after alone decides",
    ),
    "recovery without an id": (
        "recovery: {mode: auto}",
        "config.yaml:9: sources.chat.recovery: expected id beside recovery, got mode "
        "auto and no id; recovery has to name the sessions that it closes",
    ),
    "a mode that YAML reads as false": (
        "recovery: {mode: off}",
        "config.yaml:9: sources.chat.recovery.mode: expected disabled, dry_run or "
        "auto, got off, which YAML reads as a boolean; write disabled",
    ),
    "a misspelt mode": (
        "recovery: {mode: dry-run}",
        "config.yaml:9: sources.chat.recovery.mode: expected disabled, dry_run or "
        "auto, got 'dry-run'; did you mean dry_run?",
    ),
    "an inner key of recovery that does not exist": (
        "recovery: {mode: disabled, trust: true}",
        "config.yaml:9: sources.chat.recovery.trust: unknown key; known here: mode",
    ),
    "a reserved label name": (
        "labels: {le: {value: x, values: [a]}}",
        "config.yaml:9: sources.chat.labels.le: expected a name other than database, "
        "source, date, le, kind, instance, job, __*, got 'le'",
    ),
    "a label name with two underscores": (
        "labels: {__x: {value: x, values: [a]}}",
        "config.yaml:9: sources.chat.labels.__x: expected a name other than database, "
        "source, date, le, kind, instance, job, __*, got '__x'",
    ),
    "a label name of another form": (
        "labels: {b-a: {value: x, values: [a]}}",
        "config.yaml:9: sources.chat.labels.b-a: expected a label name "
        "([a-zA-Z_][a-zA-Z0-9_]*), got 'b-a'",
    ),
    "a label without values": (
        "labels: {size: {value: x, values: []}}",
        "config.yaml:9: sources.chat.labels.size.values: expected at least one value, "
        "got an empty list",
    ),
    "a label that lacks its values": (
        "labels: {size: {value: x}}",
        "config.yaml:9: sources.chat.labels.size.values: expected this key, for "
        "example `values: [BEGINNER, PRO]`, got nothing",
    ),
    "a label value that YAML reads as a boolean": (
        "labels: {size: {value: x, values: [yes]}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a text, got yes, "
        "which YAML reads as a boolean; put it in quotes",
    ),
    "a label value that YAML reads as a fraction": (
        "labels: {size: {value: x, values: [1.0]}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a text, got 1.0, "
        "which YAML reads as a number; put it in quotes",
    ),
    "a label value that YAML reads as a date": (
        "labels: {size: {value: x, values: [2024-01-01]}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a text, got "
        "2024-01-01, which YAML reads as a date; put it in quotes",
    ),
    "a label value that YAML reads as null": (
        "labels: {size: {value: x, values: [null]}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a text, got null; "
        "put it in quotes",
    ),
    "an empty label value": (
        "labels: {size: {value: x, values: ['']}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a text, got ''; "
        "put it in quotes",
    ),
    "the label value that is always there": (
        "labels: {size: {value: x, values: [other]}}",
        "config.yaml:9: sources.chat.labels.size.values[0]: expected a value besides "
        "other, got 'other'; other is always there; leave it out",
    ),
    "a label value twice": (
        "labels: {size: {value: x, values: [a, 1, '1']}}",
        "config.yaml:9: sources.chat.labels.size.values[2]: expected every value once, got '1'",
    ),
    "a name of a built-in kind": (
        "integrity: {future: x}",
        "config.yaml:9: sources.chat.integrity.future: expected a name other than "
        "undated, future, ended_but_active, closed_without_end, got 'future'",
    ),
    "a kind with capitals": (
        "integrity: {Ended: x}",
        "config.yaml:9: sources.chat.integrity.Ended: expected a name "
        "([a-z_][a-z0-9_]*), got 'Ended'",
    ),
    "a shown name that is taken": (
        "show: [id]",
        "config.yaml:9: sources.chat.show[0]: expected a name other than id, "
        "last_seen, age, database, source, got 'id'",
    ),
    "a shown name twice": (
        "show: [a, {a: b}]",
        "config.yaml:9: sources.chat.show[1]: expected every name once, got a mapping",
    ),
    "an expression without a name": (
        "show: [s.user_id]",
        "config.yaml:9: sources.chat.show[0]: expected the name of a column, or name: "
        "expression, got 's.user_id'",
    ),
    "two names in one item": (
        "show: [{a: b, c: d}]",
        "config.yaml:9: sources.chat.show[0]: expected one name: expression in each "
        "item of the list, got a mapping",
    ),
    "a semicolon in a shown expression": (
        "show: [{a: 'b; c'}]",
        "config.yaml:9: sources.chat.show[0].a: expected one SQL expression without ;, got 'b; c'",
    ),
    "a semicolon": (
        "where: 'a; b'",
        "config.yaml:9: sources.chat.where: expected one SQL expression without ;, got 'a; b'",
    ),
    "an empty expression": (
        "where: ' '",
        "config.yaml:9: sources.chat.where: expected an SQL expression, got ' '",
    ),
    "a boolean where an expression is expected": (
        "where: true",
        "config.yaml:9: sources.chat.where: expected an SQL expression, got true, "
        "which YAML reads as a boolean; put it in quotes",
    ),
    "a boolean by another name where an expression is expected": (
        "where: yes",
        "config.yaml:9: sources.chat.where: expected an SQL expression, got yes, which "
        "YAML reads as a boolean; put it in quotes",
    ),
    "a number where an expression is expected": (
        "duration: 5",
        "config.yaml:9: sources.chat.duration: expected an SQL expression, got 5; put it in quotes",
    ),
    "SQL that YAML reads as a mapping": (
        "where: {a}",
        "config.yaml:9: sources.chat.where: expected an SQL expression, got a mapping; "
        "write it as a block:\n"
        "    where: |\n"
        "      {a}",
    ),
    "SQL that YAML reads as a list": (
        "last_seen_at: [a]",
        "config.yaml:9: sources.chat.last_seen_at: expected an SQL expression, got a "
        "list; write it as a block:\n"
        "    last_seen_at: |\n"
        "      [a]",
    ),
    "an unknown unit since 1970": (
        "ended_at: {column: a, epoch: us}",
        "config.yaml:9: sources.chat.ended_at.epoch: expected s or ms, got 'us'; did you mean s?",
    ),
    "a misspelt key of a point in time": (
        "ended_at: {colum: a}",
        "config.yaml:9: sources.chat.ended_at.colum: unknown key; did you mean column?\n"
        "config.yaml:9: sources.chat.ended_at.column: expected this key, for example "
        "`column: CreateAt`, got nothing",
    ),
    "the name that Python has for a key": (
        "ended_at: {sql: a}",
        "config.yaml:9: sources.chat.ended_at.column: expected this key, for example "
        "`column: CreateAt`, got nothing\n"
        "config.yaml:9: sources.chat.ended_at.sql: unknown key; known here: column, "
        "epoch",
    ),
    "a NUL character": (
        'where: "a\\0b"',
        "config.yaml:9: sources.chat.where: expected an SQL expression without NUL "
        "characters, got 'a\\x00b'",
    ),
    "half a character": (
        'where: "\\ud800"',
        "config.yaml:9: sources.chat.where: expected text that can be written in UTF-8",
    ),
    "a date that does not exist": (
        "where: 2024-02-30",
        "config.yaml:9: sources.chat.where: YAML takes this for a timestamp, and "
        "cannot read it as one; put it in quotes",
    ),
    "a tag": (
        "where: !now x",
        "config.yaml:9: sources.chat.where: expected a plain value, got a YAML tag; "
        "put text that begins with ! in quotes",
    ),
    "an alias that contains itself": (
        "labels: &all {size: *all}",
        "config.yaml:9: sources.chat.labels.size: this alias contains itself; write the value out",
    ),
    "a merge of something else": (
        "daily: {<<: 5}",
        "config.yaml:9: sources.chat.daily.<<: expected an alias of another mapping, "
        "or a list of such",
    ),
    "SQL that begins with a quoted name": (
        'where: "createdAt" IS NULL',
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        '      "createdAt" IS NULL',
    ),
    "SQL that begins with a brace": (
        "where: {a} = tags",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      {a} = tags",
    ),
    "SQL that begins with a bracket": (
        "where: [1] = tags",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      [1] = tags",
    ),
    "SQL that begins with a percent sign": (
        "where: %s = 1",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      %s = 1",
    ),
    "SQL that begins with an at sign": (
        "where: @x > 1",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      @x > 1",
    ),
    "SQL that begins with a backtick": (
        "where: `a` = 1",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      `a` = 1",
    ),
    "SQL that begins with an asterisk": (
        "where: *a",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      *a",
    ),
    "SQL with a colon and a space": (
        "where: kind = 'a: b'",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      kind = 'a: b'",
    ),
    "a quote that never ends": (
        'where: "a',
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        '      "a',
    ),
    "SQL over two lines with a comment": (
        "where: a  # first\n  AND b",
        "config.yaml:9: sources.chat.where: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    where: |\n"
        "      a  # first\n"
        "      AND b",
    ),
    "SQL in integrity": (
        'integrity:\n  done: "a" IS NULL',
        "config.yaml:10: sources.chat.integrity.done: YAML cannot read this SQL as it "
        "stands; write it as a block:\n"
        "    done: |\n"
        '      "a" IS NULL',
    ),
    "SQL in show": (
        'show:\n  - hours: "a" + 1',
        "config.yaml:10: sources.chat.show.hours: YAML cannot read this SQL as it "
        "stands; write it as a block:\n"
        "    hours: |\n"
        '      "a" + 1',
    ),
    "a table with quoted names": (
        'ended_at: x\ntable: "My Schema"."Sessions"',
        "config.yaml:10: sources.chat.table: YAML cannot read this SQL as it stands; "
        "write it as a block:\n"
        "    table: |\n"
        '      "My Schema"."Sessions"',
    ),
    "SQL cut off at #>>": (
        "where: data #>> '{a}' = 'b'",
        "config.yaml:9: sources.chat.where: expected a whole SQL expression, got "
        "'data'; YAML takes the rest of the line from # on as a comment; write it as a "
        "block:\n"
        "    where: |\n"
        "      data #>> '{a}' = 'b'",
    ),
    "SQL cut off at #>": (
        "where: data #> '{a}' IS NULL",
        "config.yaml:9: sources.chat.where: expected a whole SQL expression, got "
        "'data'; YAML takes the rest of the line from # on as a comment; write it as a "
        "block:\n"
        "    where: |\n"
        "      data #> '{a}' IS NULL",
    ),
    "SQL cut off at #-": (
        "where: data #- '{a}' = '{}'",
        "config.yaml:9: sources.chat.where: expected a whole SQL expression, got "
        "'data'; YAML takes the rest of the line from # on as a comment; write it as a "
        "block:\n"
        "    where: |\n"
        "      data #- '{a}' = '{}'",
    ),
    "SQL cut off inside parentheses": (
        "where: (a # b) > 1",
        "config.yaml:9: sources.chat.where: expected a whole SQL expression, got '(a'; "
        "YAML takes the rest of the line from # on as a comment; write it as a block:\n"
        "    where: |\n"
        "      (a # b) > 1",
    ),
    "SQL cut off inside a literal": (
        "where: a = 'x # y'",
        'config.yaml:9: sources.chat.where: expected a whole SQL expression, got "a = '
        "'x\"; YAML takes the rest of the line from # on as a comment; write it as a "
        "block:\n"
        "    where: |\n"
        "      a = 'x # y'",
    ),
    "a tab": (
        "ended_at: b\n\tduration: a",
        "config.yaml:10: sources.chat.ended_at: not valid YAML: found character '\\t' "
        "that cannot start any token; indent with spaces",
    ),
    "a variable that is not set": (
        "where: ${CONDITION}",
        "config.yaml:9: sources.chat.where: the environment variable CONDITION is not "
        "set; set it, or give a default: ${CONDITION:-...}",
    ),
    "two variables that are not set": (
        "where: ${A} AND ${B}",
        "config.yaml:9: sources.chat.where: the environment variable A is not set; set "
        "it, or give a default: ${A:-...}\n"
        "config.yaml:9: sources.chat.where: the environment variable B is not set; set "
        "it, or give a default: ${B:-...}",
    ),
    "a variable that never ends": (
        "where: ${A AND b",
        "config.yaml:9: sources.chat.where: expected ${NAME} or ${NAME:-default}; $${ "
        "writes a plain ${",
    ),
    "a variable without a name": (
        "where: ${1}",
        "config.yaml:9: sources.chat.where: expected ${NAME} or ${NAME:-default}; $${ "
        "writes a plain ${",
    ),
    "a variable in a default": (
        "where: ${EVERY:-${A}}",
        "config.yaml:9: sources.chat.where: expected ${NAME} or ${NAME:-default}; $${ "
        "writes a plain ${\n"
        "config.yaml:9: sources.chat.where: the environment variable A is not set; set "
        "it, or give a default: ${A:-...}",
    ),
    "a wrong value from a variable": (
        "every: ${EVERY}\nalert_above: ${ABOVE:-many}\nwhere: a${SEMICOLON}",
        "config.yaml:9: sources.chat.every: expected a duration such as 30s, 10m, 2h "
        "or 7d, got the value of ${EVERY}\n"
        "config.yaml:10: sources.chat.alert_above: expected a whole number, got the "
        "value of ${ABOVE}\n"
        "config.yaml:11: sources.chat.where: expected one SQL expression without ;, "
        "got the value of ${SEMICOLON}",
    ),
    "a variable that is no UTF-8 text": (
        "where: ${LATIN}",
        "config.yaml:9: sources.chat.where: the environment variable LATIN does not "
        "hold UTF-8 text",
    ),
    "more series than allowed": (
        "max_series: 10",
        "config.yaml:4: sources.chat: expected at most 10 series (max_series), got 46, "
        "of which 22 are daily statistics; use fewer labels, values or days, or raise "
        "max_series",
    ),
    "too many series because of labels": (
        "labels: {a: {value: a, values: [a, b, c]}, b: {value: b, values: [a, b, c]}}\n"
        "daily: null\n"
        "max_series: 50\n"
        "overlong_after: 1d\n"
        "last_seen_at: b",
        "config.yaml:4: sources.chat: expected at most 50 series (max_series), got 89, "
        "of which 51 are counts; use fewer labels, values or days, or raise max_series",
    ),
}

# Whole files -> the message.
FILES = {
    "an empty file": (
        "",
        "config.yaml:1: the file is empty; `session-exporter init` writes one",
    ),
    "nothing but comments": (
        "# later\n",
        "config.yaml:1: the file is empty; `session-exporter init` writes one",
    ),
    "a list": (
        "- databases\n",
        "config.yaml:1: expected a mapping with the keys databases and sources, got a list",
    ),
    "a single word": (
        "databases\n",
        "config.yaml:1: expected a mapping with the keys databases and sources, got 'databases'",
    ),
    "bytes that are no text": (
        b"databases:\n  \xff\xfe\n",
        "config.yaml:2: expected UTF-8 text, got other bytes; save the file as UTF-8",
    ),
    "a control character": (
        "databases:\n  app: \x01\n",
        "config.yaml:2: expected text, got the character '\\x01'",
    ),
    "several documents": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "---\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:3: expected one YAML document, got a second one",
    ),
    "brackets that never end": (
        "databases: {app: {dsn: ''}\n",
        "config.yaml:1: databases: not valid YAML; put the value in quotes",
    ),
    "no databases and no sources": (
        "databases: {}\nsources:\n",
        "config.yaml:1: databases: expected at least one of the databases, got none\n"
        "config.yaml:2: sources: expected at least one of the sources, got none",
    ),
    "neither key": (
        "x-anchors: {}\n",
        "config.yaml:1: databases: expected at least one of the databases, got none\n"
        "config.yaml:1: sources: expected at least one of the sources, got none",
    ),
    "sources that are a list": (
        "databases:\n  app: {dsn: ''}\nsources: [chat]\n",
        "config.yaml:3: sources: expected a mapping of keys to values, got a list",
    ),
    "misspelt sections": (
        "databses: {app: {dsn: ''}}\nsorces: {}\n",
        "config.yaml:1: databases: expected at least one of the databases, got none\n"
        "config.yaml:1: databses: unknown key; did you mean databases?\n"
        "config.yaml:1: sources: expected at least one of the sources, got none\n"
        "config.yaml:2: sorces: unknown key; did you mean sources?",
    ),
    "a source without any key": (
        "databases:\n  app: {dsn: ''}\nsources:\n  chat: {}\n",
        "config.yaml:4: sources.chat.active: expected this key, for example `active: "
        "is_active`, got nothing\n"
        "config.yaml:4: sources.chat.orphaned_after: expected this key, for example "
        "`orphaned_after: 2h`, got nothing\n"
        "config.yaml:4: sources.chat.started_at: expected this key, for example "
        "`started_at: started_at`, got nothing\n"
        "config.yaml:4: sources.chat.table: expected this key, for example `table: "
        "public.sessions`, got nothing",
    ),
    "a source that is text": (
        "databases:\n  app: {dsn: ''}\nsources:\n  chat: public.chat\n",
        "config.yaml:4: sources.chat: expected a mapping of keys to values, got 'public.chat'",
    ),
    "a database without a dsn": (
        "databases:\n"
        "  app: {max_connections: 4}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.dsn: expected this key, for example `dsn: "
        "${DATABASE_URL}`, got nothing",
    ),
    "names of another form": (
        "databases:\n"
        "  my app: {dsn: ''}\n"
        "sources:\n"
        "  chät:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.my app: expected a name "
        "([A-Za-z_][A-Za-z0-9_.-]{0,62}), got 'my app'\n"
        "config.yaml:4: sources.chät: expected a name ([A-Za-z_][A-Za-z0-9_.-]{0,62}), "
        "got 'chät'\n"
        "config.yaml:4: sources.chät.database: expected the name of a database, got "
        "nothing",
    ),
    "a name that is too long": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:4: sources.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc: expected a name ([A-Za-z_][A-Za-z0-9_.-]{0,62}), got 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc'",
    ),
    "a name that is a number": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  2024:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:4: sources.2024: expected text as a key, got 2024; put it in quotes",
    ),
    "an unknown database, with a near one": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "  audit: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n"
        "    database: audi\n",
        "config.yaml:10: sources.chat.database: expected the name of a database, got "
        "'audi'; did you mean audit?",
    ),
    "an unknown database in a list": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n"
        "    database: [app, warehouse]\n",
        "config.yaml:9: sources.chat.database[1]: expected the name of a database, got "
        "'warehouse'; there are: app",
    ),
    "no database where there are several": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "  audit: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.database: expected the name of a database, got "
        "nothing; there are: app, audit",
    ),
    "a database twice": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n"
        "    database: [app, app]\n",
        "config.yaml:9: sources.chat.database[1]: expected every value once, got 'app'",
    ),
    "no database in the list": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n"
        "    database: []\n",
        "config.yaml:9: sources.chat.database: expected at least one value, got an empty list",
    ),
    "a database that is a mapping": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n"
        "    database: {app: {}}\n",
        "config.yaml:9: sources.chat.database: expected a list, got a mapping",
    ),
    "a connect timeout that libpq would not keep": (
        "databases:\n"
        "  app: {dsn: '', connect_timeout: 1s}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.connect_timeout: expected at least 2s, got '1s'",
    ),
    "locks that outlast statements": (
        "databases:\n"
        "  app: {dsn: '', lock_timeout: 5s}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.lock_timeout: expected lock_timeout to be "
        "shorter than statement_timeout, got lock_timeout '5s' and statement_timeout "
        "5s (the default); a locked table would look like a slow query",
    ),
    "statements shorter than the default for locks": (
        "databases:\n"
        "  app: {dsn: '', statement_timeout: 500ms}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.statement_timeout: expected lock_timeout to be "
        "shorter than statement_timeout, got lock_timeout 1s (the default) and "
        "statement_timeout '500ms'; a locked table would look like a slow query",
    ),
    "too many connections": (
        "databases:\n"
        "  app: {dsn: '', max_connections: 101}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.max_connections: expected a whole number, at "
        "most 100, got 101",
    ),
    "row security that YAML reads as false": (
        "databases:\n"
        "  app: {dsn: '', row_security: off}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.row_security: expected refuse or trust, got off, "
        "which YAML reads as a boolean",
    ),
    "a password file that is not there": (
        "databases:\n"
        "  app: {dsn: '', password_file: secret}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.password_file: expected the path of a file that "
        "can be read, got 'secret'; there is no such file (a relative path begins at "
        "the folder of the config file)",
    ),
    "a password file that is a folder": (
        "databases:\n"
        "  app: {dsn: '', password_file: .}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.password_file: expected the path of a file that "
        "can be read, got '.'; it is no regular file (a relative path begins at the "
        "folder of the config file)",
    ),
    "a dsn that is a number": (
        "databases:\n"
        "  app: {dsn: 5432}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.dsn: expected a connection string, got a value "
        'that is not shown; write "" to leave it all to libpq',
    ),
    "a dsn that is null": (
        "databases:\n"
        "  app: {dsn: }\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app.dsn: expected a connection string, got null; "
        'write "" to leave it all to libpq',
    ),
    "a variable without quotes in braces": (
        "databases:\n"
        "  app: {dsn: ${DATABASE_URL}}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:2: databases.app: not valid YAML; put the value in quotes",
    ),
    "a table of three parts": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: shop.public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
        "got 'shop.public.chat'; put other names in double quotes, each part by "
        "itself; write it as a block:\n"
        "    table: |\n"
        "      shop.public.chat",
    ),
    "a table that begins with a digit": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: 2024_chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
        "got '2024_chat'; put other names in double quotes, each part by itself; write "
        "it as a block:\n"
        "    table: |\n"
        "      2024_chat",
    ),
    "a table with a space": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.my chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
        "got 'public.my chat'; put other names in double quotes, each part by itself; "
        "write it as a block:\n"
        "    table: |\n"
        "      public.my chat",
    ),
    "a table name that PostgreSQL would cut": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.table: expected a table whose names have at most "
        "63 bytes, got 'public.cccccccccccccccccccccccccccccccccccccccccccccccccc...'",
    ),
    "a table that is a list": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "sources:\n"
        "  chat:\n"
        "    table: [public, chat]\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:5: sources.chat.table: expected a table such as public.sessions, "
        "got a list; write it as a block:\n"
        "    table: |\n"
        "      [public, chat]",
    ),
    "defaults that are a list": (
        "databases:\n"
        "  app: {dsn: ''}\n"
        "defaults: [every]\n"
        "sources:\n"
        "  chat:\n"
        "    table: public.chat\n"
        "    active: is_active\n"
        "    started_at: started_at\n"
        "    orphaned_after: 2h\n",
        "config.yaml:3: defaults: expected a mapping of keys to values, got a list",
    ),
    "lists in lists without end": (
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "config.yaml: expected fewer or less deeply nested values; aliases multiply",
    ),
}


@pytest.mark.parametrize(("lines", "message"), KEYS.values(), ids=KEYS)
def test_a_key_that_is_wrong(problems_of_source, lines, message):
    assert problems_of_source(lines, ENVIRON) == message


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_wrong(problems, text, message):
    assert problems(text, ENVIRON) == message
