"""What PostgreSQL said becomes a cause that is counted and a sentence that helps."""

import pytest

from exporter.errors import AuthFailed, ConnectFailed, PermissionDenied, ServerRefused, SourceError
from exporter.postgres import error_causes
from exporter.postgres.error_causes import ServerError

CHATTER = "Is the server running on that host and accepting TCP/IP connections?"


BEGIN = "SELECT set_config('TimeZone', 'UTC', true)"
OVER_ROWS = "SELECT count(*) FROM t AS s WHERE (s.a)"
OVER_NONE = "SELECT (s.a) FROM t AS s\nLIMIT 0"


def of_statement(complaint: ServerError, *statements: str) -> SourceError:
    sent = [BEGIN, *(statements or [OVER_ROWS])]
    return error_causes.explain_statement(complaint, sent, statement_timeout=5.0, lock_timeout=1.0)


@pytest.mark.parametrize(
    ("state", "said", "reason", "sentence"),
    [
        ("55P03", "canceling statement due to lock timeout", "lock", "lock_timeout (1 s)"),
        ("57014", "canceling statement due to statement timeout", "timeout", "limit is 5 s"),
        ("57014", "storniere Anfrage wegen Zeitüberschreitung", "timeout", "limit is 5 s"),
        ("57014", "canceling statement due to user request", "timeout", "another client"),
        ("57014", "storniere Anfrage wegen Benutzeraufforderung", "timeout", "another client"),
        ("57014", "annulation à la demande de l'utilisateur", "timeout", "another client"),
        ("42501", "permission denied for table t", "permission", "`session-exporter sql role`"),
        (
            "42501",
            'query would be affected by row-level security policy for table "t"',
            "permission",
            "row_security: trust",
        ),
        ("42703", "column s.a does not exist", "schema", "column s.a does not exist"),
        ("3F000", 'schema "x" does not exist', "schema", 'schema "x" does not exist'),
        (
            "22P02",
            'invalid input syntax for type integer: "my pin"',
            "data",
            "a text does not have",
        ),
        ("22XYZ", 'something about "my pin"', "data", "(SQLSTATE 22XYZ)"),
        ("21000", "more than one row returned by a subquery", "data", "more than one row"),
        ("23514", "value my pin is against x", "data", "(SQLSTATE 23514)"),
        ("54000", 'word is too long in tsquery: "my pin"', "data", "(SQLSTATE 54000)"),
        ("P0001", "no my pin", "data", "a function raised an error (SQLSTATE P0001)"),
        ("38000", "no my pin", "data", "(SQLSTATE 38000)"),
        ("XX000", "parse error in my pin", "other", "(SQLSTATE XX000)"),
        ("XX001", "invalid page in block 7", "other", "invalid page in block 7"),
        ("53200", "out of memory", "other", "out of memory"),
        ("53400", "temporary file size exceeds", "other", "temporary file size exceeds"),
        ("40001", "conflict with recovery", "other", "conflict with recovery"),
        ("57P01", "terminating connection", "other", "terminating connection"),
        ("25006", "cannot execute UPDATE", "schema", "UPDATE; collection only reads"),
        ("55000", "no data. Use REFRESH MATERIALIZED VIEW", "schema", "no data"),
        ("55000", "not ready", "other", "not ready"),
    ],
)
def test_a_failed_statement_is_judged_by_its_sqlstate(
    state: str, said: str, reason: str, sentence: str
) -> None:
    failure = of_statement(ServerError(state, said, None, 7))
    assert (failure.reason, failure.position) == (reason, 7)
    assert sentence in str(failure)
    assert "my pin" not in str(failure)


@pytest.mark.parametrize("state", ["42601", "42704", "42P01", "3F000", "0A000", "22023"])
def test_words_without_a_place_are_quoted_only_where_no_row_was_read(state: str) -> None:
    complaint = ServerError(state, 'what is "my pin"', 'is "my pin" a name?', None)
    failure = of_statement(complaint)
    assert failure.reason == "data"
    assert "my pin" not in str(failure)
    assert state == "22023" or f"(SQLSTATE {state})" in str(failure)
    assert "my pin" not in str(of_statement(complaint, OVER_NONE, OVER_ROWS))
    failure = of_statement(complaint, OVER_NONE)
    assert (failure.reason, str(failure)) == (
        "schema",
        'what is "my pin". is "my pin" a name?',
    )


def test_a_place_in_another_text_than_the_statement_proves_nothing() -> None:
    complaint = ServerError("42601", 'syntax error at or near "my pin"', None, 7, is_inside=True)
    assert "my pin" not in str(of_statement(complaint))
    assert "my pin" in str(of_statement(complaint, OVER_NONE))


@pytest.mark.parametrize("state", ["42501", "55P03", "57014", "53200", "22023", "42601"])
def test_what_a_function_raises_is_never_quoted(state: str) -> None:
    complaint = ServerError(state, "my pin", "my pin", None, is_raised=True)
    for statement in (OVER_ROWS, OVER_NONE):
        failure = of_statement(complaint, statement)
        assert failure.reason == "data"
        assert f"a function raised an error (SQLSTATE {state})" in str(failure)
        assert "my pin" not in str(failure)


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT set_config('TimeZone', 'Mars', true)"],
        [BEGIN, "SELECT now() AT TIME ZONE 'Mars'", OVER_ROWS],
        [BEGIN, "SELECT s.a at time\nzone 'Mars' FROM t AS s"],
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        'time zone "Mars" not recognized',
        'invalid value for parameter "TimeZone": "Mars"',
        "Zeitzone »Mars« nicht erkannt",
    ],
)
def test_a_time_zone_that_we_asked_for_is_named(statements: list[str], said: str) -> None:
    complaint = ServerError("22023", said, None, None)
    failure = error_causes.explain_statement(
        complaint, statements, statement_timeout=5, lock_timeout=1
    )
    assert failure.reason == "schema"
    assert str(failure) == (
        'PostgreSQL does not know the time zone "Mars"; see timezone and timestamps_in of the '
        "source"
    )


@pytest.mark.parametrize("zone", ["my pin", "UTC my pin", "my pin UTC"])
def test_a_time_zone_that_is_in_a_row_is_not(zone: str) -> None:
    complaint = ServerError("22023", f'time zone "{zone}" not recognized', None, None)
    failure = of_statement(complaint)
    assert (failure.reason, str(failure)) == ("data", "a value is not valid for the function")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('FATAL:  password authentication failed for user "u"', AuthFailed),
        ('FATAL:  no pg_hba.conf entry for host "h", user "u"', AuthFailed),
        ('FATAL:  role "u" does not exist', AuthFailed),
        ("fe_sendauth: no password supplied", AuthFailed),
        ('FATAL:  database "d" does not exist', ConnectFailed),
        ("FATAL:  sorry, too many clients already", ConnectFailed),
        ('FATAL:  too many connections for role "u"', ConnectFailed),
        ('FATAL:  too many connections for database "d"', ConnectFailed),
        (f"Connection refused\n\t{CHATTER}", ConnectFailed),
    ],
)
def test_a_failed_connect_is_judged_by_its_text(said: str, cause: type[ConnectFailed]) -> None:
    failure = error_causes.explain_connecting("app", said)
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
        ("FATAL:  Datenbank »shop« existiert nicht", ServerRefused),
        ('FATAL:  database "app" does not exist', ServerRefused),
        ("FATAL:  tut mir leid, schon zu viele Verbindungen", ServerRefused),
        ("Connection refused", ConnectFailed),
    ],
)
def test_a_server_may_speak_another_language(said: str, cause: type[ConnectFailed]) -> None:
    text = f'connection to server at "app" (10.0.0.1), port 5432 failed: {said}'
    assert type(error_causes.explain_connecting("app", text, user="app")) is cause


def of_refusal(said: str) -> SourceError:
    """Why a server refused user app, and database app."""
    text = f'connection to server at "app" (10.0.0.1), port 5432 failed: FATAL:  {said}'
    return error_causes.explain_connecting("db", text, user="app")


@pytest.mark.parametrize(
    "said",
    [
        'too many connections for role "app"',
        "zu viele Verbindungen von Rolle »app«",
        "demasiadas conexiones para el rol «app»",
        "trop de connexions pour le rôle « app »",
        'troppe connessioni per il ruolo "app"',
        'ロール"app"からの接続が多すぎます',
        'მეტისმეტად ბევრი კავშირი როლისთვის "app"',
        '"app" 롤의 최대 동시 접속수를 초과했습니다',
        'слишком много подключений для роли "app"',
        'för många uppkopplingar för roll "app"',
        'занадто багато підключень для ролі "app"',
        '由角色"app"发起的连接太多了',
    ],
)
def test_a_role_with_too_many_connections_was_let_in(said: str) -> None:
    assert type(of_refusal(said)) is ServerRefused


@pytest.mark.parametrize(
    "said",
    [
        'database "app" does not exist',
        "Datenbank »app« existiert nicht",
        "no existe la base de datos «app»",
        "la base de données « app » n'accepte plus les connexions",
        'il database "app" non esiste',
        'データベース"app"は存在しません',
        'მონაცემთა ბაზა "app" არ არსებობს',
        '"app" 데이터베이스 없음',
        'база данных "app" не существует',
        'слишком много подключений к БД "app"',
        'databasen "app" existerar inte',
        'бази даних "app" не існує',
        '数据库 "app" 不存在',
    ],
)
def test_a_database_may_have_the_name_of_the_user(said: str) -> None:
    assert type(of_refusal(said)) is ServerRefused


@pytest.mark.parametrize(
    "said",
    [
        "Rolle »app« hat keine Berechtigung zum Einloggen",
        "al rol «app» no se le permite conectarse",
        "le rôle « app » n'est pas autorisé à se connecter",
        'ロール"app"はログインが許可されません',
        '"app" 롤은 접속을 허용하지 않음',
        'для роли "app" вход запрещён',
        'роль "app" не існує',
        '不允许角色"app" 进行登录',
    ],
)
def test_a_role_that_may_not_log_in_is_not_let_in(said: str) -> None:
    assert type(of_refusal(said)) is AuthFailed


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ('permission denied for database "app"', "User does not have CONNECT privilege."),
        ("keine Berechtigung für Datenbank »app«", "Benutzer hat das CONNECT-Privileg nicht."),
        ("permiso denegado a la base de datos «app»", "Usuario no tiene privilegios de conexión."),
        ('データベース"app"へのアクセスが拒否されました', "ユーザーはCONNECT権限を持ちません。"),
        ('доступ к базе "app" запрещён', "Пользователь не имеет привилегии CONNECT."),
    ],
)
def test_a_user_who_may_not_connect_to_the_database_lacks_a_right(said: str, detail: str) -> None:
    failure = of_refusal(f"{said}\nDETAIL:  {detail}")
    assert type(failure) is PermissionDenied
    assert "`session-exporter sql role`" in str(failure)
