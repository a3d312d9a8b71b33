"""What of an expression is open at its end, or was never open: as PostgreSQL reads it."""

import pytest

from exporter.config.fields.sql_lexer import IncompleteSqlError, check_complete, tokens

COMPLETE = (
    "is_active",
    "true",
    "s.\"completedAt\" IS NULL AND s.status = 'in_progress'",
    # Strings.
    "a = ''",
    "a = ''''",
    "a = 'it''s'",
    "a = 'C:\\'",
    r"a = E'it\'s'",
    r"a = e'\\'",
    r"a = E'\''''",
    r"a = E'''\''",
    r"a = E'\u00e9\x41\101'",
    r"a = U&'d\0061t\+000061' AND U&'a!0061' UESCAPE '!' = b",
    "a = b'101' AND c = X'1F' AND d = N'e'",
    "a = 'b'\n'c'",
    "a = E'b'\n'it\\'s'",
    "a = E'b' -- don't\n -- (\n  'it\\'s'",
    "a = '( [ /* -- $$ \"'",
    "a = type'b'",
    # Names.
    '"a(" = "b]" AND "c""\'d" = "--e"',
    'U&"d\\0061t(" = 1',
    'a."/*" = 1',
    # Dollar quotes.
    "a = $$it's (not$$",
    "a = $q$ $$ ' $Q$ $q $q$",
    "a = $q$$q$",
    "a = $é$'$é$",
    "a$b$c = d",
    "a$$ = b$",
    "a = $1 AND b = $2",
    "a$1$ = '$1$'",
    "é€$x$ = 1",
    # Comments.
    "a -- don't (",
    "a --",
    "a -- b\r AND (c)",
    "a /* don't ( [ $$ \" -- */ AND b",
    "a /* b /* c */ d */",
    "a /* /* */ */",
    "a /***/",
    "a /*/ */",
    "a -- /*\nAND b",
    "a /* -- */ AND b",
    "a -- */",
    "a = '*/' OR a = '/*'",
    "a */* the rest */ b",
    "a //* the rest */ b",
    "a <--b\n c",
    # Brackets and operators.
    "a = ANY ('{a,b}'::text[])",
    "(ARRAY[[1, 2], [3, 4]])[1][2:3] = (a)",
    "'{a,b}'::text[] @> ARRAY['[', '(']",
    "a #> '{b}' #>> '{c,0}' = 'd'",
    "a -> 'b' ->> 'c' = 'd' AND a ?| ARRAY['e'] AND a ?& ARRAY['f'] AND a #- '{g}' = h",
    "a @@ '$.b[*] > 1' AND a @? '$ ? (@.c == \"d\")'",
    "a % 2 = 0 AND b ~* '(c|[de])+$' AND f !~~ 'g%'",
    "extract(epoch FROM {end} - s.started_at)",
    "'{end}' = {end}",
    "a * -1 / 2 - -3",
    "int4range(1, 5) @> a AND '[1,5)'::int4range @> b",
    "1e5 + .5 + 1.e-3 + 0x1F + 1_000",
)


@pytest.mark.parametrize("sql", COMPLETE)
def test_a_whole_expression_is_accepted(sql: str) -> None:
    check_complete(sql)
    assert "".join(token.text for token in tokens(sql) if token.kind != "space")


OPEN = {
    "(": "the ( at character 1 is not closed",
    "f(a, (b)": "the ( at character 2 is not closed",
    "a[1": "the [ at character 2 is not closed",
    "ARRAY[(1, 2)": "the [ at character 6 is not closed",
    "a = (\n'('": "the ( at line 1, character 5 is not closed",
    "a = 'b": "the string at character 5 does not end",
    "a = 'b''": "the string at character 5 does not end",
    "a = '''": "the string at character 5 does not end",
    r"a = E'b\'": "the string at character 5 does not end",
    r"a = E'b''c\'": "the string at character 5 does not end",
    r"a = E'\\\'": "the string at character 5 does not end",
    "a = E'b'\n'c\\'": "the string at line 1, character 5 does not end",
    "a = E'b' -- c\n\n'd\\'": "the string at line 1, character 5 does not end",
    "a = E'b' 'c\\'d'": "the string at character 15 does not end",
    "a = U&'b": "the string at character 5 does not end",
    "a = x'1F": "the string at character 5 does not end",
    "a\n\nAND b = '": "the string at line 3, character 9 does not end",
    '"a': "the quoted name at character 1 does not end",
    '"a"" = b': "the quoted name at character 1 does not end",
    'U&"a': "the quoted name at character 1 does not end",
    '"a" = b"': "the quoted name at character 8 does not end",
    "$$a": "the dollar quote at character 1 does not end",
    "$$a$": "the dollar quote at character 1 does not end",
    "$q$a$Q$": "the dollar quote at character 1 does not end",
    "$q$a$$": "the dollar quote at character 1 does not end",
    "1 + $a$b$a": "the dollar quote at character 5 does not end",
    "a /*": "the comment at character 3 does not end",
    "a /*/": "the comment at character 3 does not end",
    "a /* b /* c */": "the comment at character 3 does not end",
    "a /* /*/ */": "the comment at character 3 does not end",
    "a /* -- */ /*\n": "the comment at line 1, character 12 does not end",
    "(a -- )": "the ( at character 1 is not closed",
    "(a /* ) */": "the ( at character 1 is not closed",
    "(a = ')'": "the ( at character 1 is not closed",
    "(a = $$)$$": "the ( at character 1 is not closed",
    '(a = ")"': "the ( at character 1 is not closed",
}


@pytest.mark.parametrize(("sql", "problem"), OPEN.items())
def test_what_stays_open_is_refused(sql: str, problem: str) -> None:
    with pytest.raises(IncompleteSqlError) as error:
        check_complete(sql)
    assert (str(error.value), error.value.is_open) == (problem, True)


STRAY = {
    ")": "the ) at character 1 closes no bracket",
    "a) OR (b": "the ) at character 2 closes no bracket",
    "a]": "the ] at character 2 closes no bracket",
    "(a]": "the ] at character 3 closes a (",
    "f(a[1)]": "the ) at character 6 closes a [",
    "a\n) OR (b": "the ) at line 2, character 1 closes no bracket",
    "a */": "the */ at character 3 ends no comment",
    "a */ OR /* b": "the */ at character 3 ends no comment",
    "a /* b */ */": "the */ at character 11 ends no comment",
    "a **/": "the */ at character 4 ends no comment",
    "a -- /*\n*/": "the */ at line 2, character 1 ends no comment",
    "a */ /* b */": "the */ at character 3 ends no comment",
    "a '/*' */": "the */ at character 8 ends no comment",
}


@pytest.mark.parametrize(("sql", "problem"), STRAY.items())
def test_what_was_never_open_is_refused(sql: str, problem: str) -> None:
    with pytest.raises(IncompleteSqlError) as error:
        check_complete(sql)
    assert (str(error.value), error.value.is_open) == (problem, False)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("'", "''"),
        ("E'", r"\'"),
        ("E'", "'\n'"),
        ("E'a'", " --"),
        ("E'a'\n", "--\n"),
        ('"', '""'),
        ("$q$", "$"),
        ("", "/*"),
        ("", "("),
        ("", "$a"),
    ],
)
def test_a_long_expression_that_never_ends_is_refused_too(start: str, piece: str) -> None:
    """In linear time: with any way to go back and try again, this would not end."""
    with pytest.raises(IncompleteSqlError):
        check_complete(start + piece * 50_000 + "\n(")
