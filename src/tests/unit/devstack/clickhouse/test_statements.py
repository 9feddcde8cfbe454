"""Telling statements apart without being taken in by strings, names and comments."""

import pytest

from devstack.clickhouse.errors import ServerError
from devstack.clickhouse.insert_statement import Insert, parse_insert
from devstack.clickhouse.lexer import tokens
from devstack.clickhouse.statement import Command, Rows, parse


def test_strings_names_and_comments_are_no_words() -> None:
    sql = "a 'b -- c' `d ; e` \"f\" -- g\n /* h */ $x$ i ; $x$ #! j\n k"
    assert [token.upper for token in tokens(sql) if token.kind == "word"] == ["A", "K"]


def test_a_token_knows_how_many_brackets_stand_around_it() -> None:
    assert [(token.upper, token.depth) for token in tokens("a(b[c])d")] == [
        ("A", 0),
        ("(", 0),
        ("B", 1),
        ("[", 1),
        ("C", 2),
        ("]", 1),
        (")", 0),
        ("D", 0),
    ]


@pytest.mark.parametrize(
    ("sql", "statement"),
    [
        ("SELECT 1;", Rows("SELECT 1")),
        ("select 1 format CSV", Rows("select 1 ")),
        ("select 1 format CSV settings a = 1", Rows("select 1  settings a = 1")),
        ("select a as format from t", Rows("select a as format from t")),
        ("select (select 1 format CSV)", Rows("select (select 1 format CSV)")),
        ("((select 1))", Rows("((select 1))")),
        ("show tables", Command("show tables", answers=True)),
        ("DESC t FORMAT JSON;", Command("DESC t ", answers=True)),
        ("set a = 1", Command("set a = 1", sets=True)),
        ("create table t (n Int8) engine = Memory", Command("create table t (n Int8) engine = Memory")),
        ("insert into t select 1; ", Command("insert into t select 1")),
        ("with 1 as x insert into t select x", Command("with 1 as x insert into t select x")),
        ("insert into t (select 1)", Command("insert into t (select 1)")),
        ("exit", Command("/**/ exit")),
    ],
)
def test_a_statement_is_known_by_its_words(sql: str, statement: Rows | Command) -> None:
    assert parse(sql) == statement


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", 62),
        ("  ; ", 62),
        ("/* only this */", 62),
        ("select 1; select 2", 62),
        ("select 1 into outfile 'a'", 48),
        ("select count() group by a with totals", 48),
        ("insert into t from infile 'a' format CSV", 48),
        ("SYSTEM /* now */ SHUTDOWN", 48),
    ],
)
def test_what_a_server_does_not_do_is_refused(sql: str, code: int) -> None:
    with pytest.raises(ServerError) as refused:
        parse(sql)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("sql", "target", "columns"),
    [
        ("INSERT INTO t VALUES", "t", None),
        ("insert into TABLE db.t(a)values", "db.t", ["a"]),
        ('INSERT INTO `a b`.`t``x` (`a`, n.b , "c d") VALUES', "`a b`.`t``x`", ["a", "n.b", "c d"]),
        ("INSERT t (a) VALUES", "t", ["a"]),
        ("INSERT INTO values VALUES", "values", None),
        ("INSERT INTO db.format (select, with) FORMAT Native", "db.format", ["select", "with"]),
        ("INSERT INTO FUNCTION file('a VALUES', CSV, 'x Int8') (x) VALUES", "file('a VALUES', CSV, 'x Int8')", ["x"]),
        ("INSERT INTO t (* EXCEPT (a)) VALUES", "t", None),
    ],
)
def test_an_inserts_table_and_columns_are_found(sql: str, target: str, columns: list[str] | None) -> None:
    insert = parse(sql)
    assert isinstance(insert, Insert)
    assert (insert.target, insert.column_names) == (target, columns)
    assert (insert.settings, insert.inline) == ("", "")


def test_an_inserts_settings_are_kept_apart_from_its_beginning() -> None:
    insert = parse_insert("INSERT INTO t (a) SETTINGS x = 1, y = 'VALUES (' VALUES")
    assert insert is not None
    assert (insert.head, insert.settings) == ("INSERT INTO t (a) ", "SETTINGS x = 1, y = 'VALUES (' ")


@pytest.mark.parametrize(
    ("sql", "data_format", "inline"),
    [
        ("INSERT INTO t VALUES (1, ';'), (2, '');", "Values", "(1, ';'), (2, '');"),
        ("INSERT INTO t FORMAT CSV\n1,2\n3,4\n", "CSV", "1,2\n3,4\n"),
        ("INSERT INTO t FORMAT JSONEachRow {}", "JSONEachRow", "{}"),
        ("INSERT INTO t VALUES ; \n", "Values", ""),
        ("INSERT INTO t FORMAT Native", "Native", ""),
    ],
)
def test_rows_in_an_inserts_text_are_found(sql: str, data_format: str, inline: str) -> None:
    insert = parse_insert(sql)
    assert insert is not None
    assert (insert.data_format, insert.inline) == (data_format, inline)
