"""From a type's name to its layout, including the two types that describe themselves in the bytes: Dynamic and JSON."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from devstack.clickhouse.column_types import element_name, element_type, split_type
from devstack.clickhouse.layouts import (
    Array,
    Fixed,
    Layout,
    LowCardinality,
    Nullable,
    Strings,
    Tuple,
    UnsupportedType,
    Variant,
)
from devstack.clickhouse.wire import ByteSource

BYTES_BY_FAMILIES: Final = {
    1: "Int8 UInt8 Bool Enum8 Nothing",
    2: "Int16 UInt16 Enum16 BFloat16 Date",
    4: "Int32 UInt32 Float32 Decimal32 Date32 DateTime DateTime32 Time IPv4",
    8: "Int64 UInt64 Float64 Decimal64 DateTime64 Time64",
    16: "Int128 UInt128 Decimal128 UUID IPv6",
    32: "Int256 UInt256 Decimal256",
}
WIDTHS: Final = {family: width for width, families in BYTES_BY_FAMILIES.items() for family in families.split()}
ALIASES: Final = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}
DECIMAL_WIDTHS: Final = ((9, 4), (18, 8), (38, 16), (76, 32))
MOST_BRACKETS: Final = 2000  # taking a name apart is quadratic in its depth, and a client may send any
SHARED_VARIANT: Final = "SharedVariant"
SHARED_DATA: Final = Array(Tuple((Strings(), Strings())))
WITH_LIMIT, AS_TEXT, WITHOUT_LIMIT = 0, 1, 2  # versions of a JSON column's prefix


@lru_cache(maxsize=1024)
def layout_of(name: str) -> Layout:
    """The layout of a type; raises UnsupportedType for one whose end the bytes do not tell (AggregateFunction)."""
    if name.count("(") > MOST_BRACKETS:
        raise UnsupportedType(name[:200])
    family, arguments = split_type(name)
    if family in WIDTHS:
        return Fixed(WIDTHS[family])
    if family.startswith("Interval"):
        return Fixed(8)
    if family in ALIASES:
        return layout_of(ALIASES[family])
    try:
        return _composed(name, family, arguments)
    except (ValueError, IndexError, StopIteration, RecursionError) as error:
        raise UnsupportedType(name[:200]) from error


def _composed(name: str, family: str, arguments: tuple[str, ...]) -> Layout:  # noqa: C901, PLR0911, PLR0912 -- a table
    match family:
        case "String":
            return Strings()
        case "FixedString":
            return Fixed(abs(int(arguments[0])))
        case "Decimal":
            return Fixed(next(width for digits, width in DECIMAL_WIDTHS if int(arguments[0]) <= digits))
        case "Nullable":
            return Nullable(layout_of(arguments[0]))
        case "LowCardinality":
            inner = layout_of(arguments[0])
            return LowCardinality(inner.inner if isinstance(inner, Nullable) else inner)
        case "SimpleAggregateFunction":
            return layout_of(arguments[1])
        case "Array":
            return Array(layout_of(arguments[0]))
        case "Map" | "Nested":
            return Array(_tuple(arguments))
        case "Tuple":
            return _tuple(arguments) if arguments else Fixed(1)
        case "Variant":
            return Variant(tuple(layout_of(argument) for argument in sorted(arguments)))
        case "Dynamic":
            return Dynamic()
        case "JSON":
            typed = sorted((path, element_type(argument)) for argument in arguments if (path := element_name(argument)))
            return Json(tuple(layout_of(of_path) for _, of_path in typed))
        case _:
            raise UnsupportedType(name)


def _tuple(arguments: tuple[str, ...]) -> Tuple:
    return Tuple(tuple(layout_of(element_type(argument)) for argument in arguments))


@dataclass(frozen=True)
class Dynamic:
    def prefix(self, source: ByteSource) -> Layout:
        version = source.uint64()
        if version not in {1, 2}:
            raise UnsupportedType(f"Dynamic (serialization version {version})")
        if version == 1:
            source.varint()
        names = sorted([*(source.text() for _ in range(source.varint())), SHARED_VARIANT])
        return Variant(tuple(Strings() if name == SHARED_VARIANT else layout_of(name) for name in names)).prefix(source)

    def body(self, source: ByteSource, rows: int) -> None:
        raise NotImplementedError("Only the prefix tells what a Dynamic column holds")


@dataclass(frozen=True)
class Json:
    typed: tuple[Layout, ...]

    def prefix(self, source: ByteSource) -> Layout:
        version = source.uint64()
        if version == AS_TEXT:
            return Strings()
        if version not in {WITH_LIMIT, WITHOUT_LIMIT}:
            raise UnsupportedType(f"JSON (serialization version {version})")
        if version == WITH_LIMIT:
            source.varint()
        paths = [source.text() for _ in range(source.varint())]
        typed = tuple(layout.prefix(source) for layout in self.typed)
        return Tuple((*typed, *(Dynamic().prefix(source) for _ in paths), SHARED_DATA))

    def body(self, source: ByteSource, rows: int) -> None:
        raise NotImplementedError("Only the prefix tells what a JSON column holds")
