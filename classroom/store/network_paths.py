"""What is within a place, as a condition of a query: `classroom.network.scope.within` for databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.sql.elements import SQLColumnExpression

from classroom.network.model import Path


def within(column: SQLColumnExpression[Any], path: Path) -> ColumnElement[bool]:
    """Paths that begin with this one, as a range: `0` is what follows `/`. (LIKE takes letters of both cases
    for the same in SQLite, and ids for patterns.)"""
    return and_(column >= path, column < f"{path[:-1]}0")


def within_any(column: SQLColumnExpression[Any], paths: Iterable[Path]) -> ColumnElement[bool]:
    """Of no paths: nothing."""
    return or_(false(), *(within(column, path) for path in paths))
