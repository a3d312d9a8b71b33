"""What PostgreSQL said becomes a cause that is counted and a sentence that helps."""

import pytest

from exporter import causes
from exporter.causes import Complaint
from exporter.errors import AuthFailed, ConnectFailed

CHATTER = "Is the server running on that host and accepting TCP/IP connections?"


@pytest.mark.parametrize(
    ("state", "said", "reason", "sentence"),
    [
        ("55P03", "canceling statement due to lock timeout", "lock", "lock_timeout (1 s)"),
        ("57014", "canceling statement due to statement timeout", "timeout", "limit is 5 s"),
        ("42501", "permission denied for table t", "permission", "`session-exporter sql role`"),
        (
            "42501",
            'query would be affected by row-level security policy for table "t"',
            "permission",
            "row_security: trust",
        ),
        ("42703", "column s.a does not exist", "schema", "column s.a does not exist"),
        ("3F000", 'schema "x" does not exist', "schema", 'schema "x" does not exist'),
        ("22023", 'time zone "Mars" not recognized', "schema", "timezone and timestamps_in"),
        ("22P02", 'invalid input syntax for type integer: "my pin"', "data", "a text has not"),
        ("22XYZ", 'something about "my pin"', "data", "(SQLSTATE 22XYZ)"),
        ("21000", "more than one row returned by a subquery", "data", "more than one row"),
        ("XX000", "cache lookup failed", "other", "cache lookup failed"),
    ],
)
def test_a_failed_statement_is_judged_by_its_sqlstate(
    state: str, said: str, reason: str, sentence: str
) -> None:
    complaint = Complaint(state, said, None, 7)
    failure = causes.of_statement(complaint, statement_timeout=5.0, lock_timeout=1.0)
    assert (failure.reason, failure.position) == (reason, 7)
    assert sentence in str(failure)
    assert "my pin" not in str(failure)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('FATAL:  password authentication failed for user "u"', AuthFailed),
        ('FATAL:  no pg_hba.conf entry for host "h", user "u"', AuthFailed),
        ('FATAL:  role "u" does not exist', AuthFailed),
        ("fe_sendauth: no password supplied", AuthFailed),
        ('FATAL:  database "d" does not exist', ConnectFailed),
        ("FATAL:  sorry, too many clients already", ConnectFailed),
        (f"Connection refused\n\t{CHATTER}", ConnectFailed),
    ],
)
def test_a_failed_connect_is_judged_by_its_text(said: str, cause: type[ConnectFailed]) -> None:
    failure = causes.of_connecting("app", f"connection failed: {said}")
    assert type(failure) is cause
    assert str(failure).startswith("cannot connect to database app: ")
    assert "Is the server running" not in str(failure)
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("FATAL:  Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen", AuthFailed),
        ('FATAL:  authentification par mot de passe échouée pour l\'utilisateur "app"', AuthFailed),
        ("FATAL:  authentification échouée pour l'utilisateur « app »", AuthFailed),
        ("FATAL:  la autentificación password falló para el usuario «app»", AuthFailed),
        ('ВАЖНО:  пользователь "app" не прошёл проверку подлинности (по паролю)', AuthFailed),
        ('FATAL:  ユーザー"app"のパスワード認証に失敗しました', AuthFailed),
        ('致命错误:  用户 "app" Password 认证失败', AuthFailed),
        ("FATAL:  Datenbank »shop« existiert nicht", ConnectFailed),
        ('FATAL:  database "app" does not exist', ConnectFailed),
        ("FATAL:  tut mir leid, schon zu viele Verbindungen", ConnectFailed),
        ("Connection refused", ConnectFailed),
    ],
)
def test_a_server_may_speak_another_language(said: str, cause: type[ConnectFailed]) -> None:
    text = f'connection failed: connection to server at "app" (10.0.0.1), port 5432 failed: {said}'
    assert type(causes.of_connecting("app", text, user="app")) is cause
