"""Reads exported files by two foreign readers and compares them with Postgres' own text.

In: a JSON file, a list of files, each with its path and its columns: a name, Postgres' texts in
row order (null as null), and whether the column is a multirange, which looks like an array of
ranges. Out, as JSON on stdout: per file and column the types that the readers see and every
value that differs from Postgres' text. Both readers end in Arrow arrays, which are printed here
as Postgres prints values, by rules written down once more in this file.
"""

import decimal
import fractions
import json
import math
import struct
import sys

import duckdb
import pyarrow
import pyarrow.parquet
import pyarrow.types as types

RANGE = ["lower", "lower_inclusive", "upper", "upper_inclusive", "is_empty"]
EPOCH = 719468  # days from 0000-03-01 to 1970-01-01


def civil(days):
    """Year (astronomical), month and day of a day since 1970."""
    days += EPOCH
    era, day = divmod(days, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    year += era * 400 + (1 if month >= 10 else 0)
    return year, month + 3 if month < 10 else month - 9, day + 1


def date(days):
    """A day, and whether it is before Christ."""
    year, month, day = civil(days)
    before = year <= 0
    return f"{1 - year if before else year:04d}-{month:02d}-{day:02d}", before


def day(days):
    """A day as Postgres prints it."""
    text, before = date(days)
    return text + " BC" if before else text


def time(microseconds):
    """A time of the day; zeros at the end of the fraction are not printed."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return text + f".{fraction:06d}".rstrip("0") if fraction else text


def timestamp(microseconds, zone):
    """A moment, in UTC when it has a zone."""
    days, rest = divmod(microseconds, 86_400_000_000)
    text, before = date(days)
    return f"{text} {time(rest)}{zone}{' BC' if before else ''}"


def single(value):
    """A number as the nearest one of 32 bits."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def is_nearest(text, value, narrow):
    """Whether the text means the number for every reader: half way to the next is no answer."""
    if (single(float(text)) if narrow else float(text)) != value:
        return False
    if narrow:
        bits = struct.unpack("i", struct.pack("f", value))[0]
        around = [bits - 1, bits + 1] if bits & 0x7FFFFFFF else []
        around = [struct.unpack("f", struct.pack("i", near))[0] for near in around]
    else:
        around = [math.nextafter(value, math.inf), math.nextafter(value, -math.inf)]
    around = [near for near in around if math.isfinite(near)]
    exact = fractions.Fraction(text)
    return all(2 * exact != fractions.Fraction(value) + fractions.Fraction(near) for near in around)


def number(value, digits, narrow):
    """A floating-point number by its shortest digits, by `digits` in full or with an exponent."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    short = next(
        text
        for text in (f"{value:.{precision}e}" for precision in range(18))
        if is_nearest(text, value, narrow)
    )
    sign = "-" if short.startswith("-") else ""
    mantissa, exponent = short.lstrip("-").split("e")
    exponent, figures = int(exponent), mantissa.replace(".", "")
    figures = figures.rstrip("0") or "0"
    if figures == "0":
        return sign + "0"
    if -5 < exponent < digits:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{figures}"
        whole = figures[: exponent + 1].ljust(exponent + 1, "0")
        rest = figures[exponent + 1 :]
        return f"{sign}{whole}.{rest}" if rest else sign + whole
    mantissa = figures[0] + ("." + figures[1:] if figures[1:] else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def in_array(text):
    """An element in an array's text."""
    if text is None:
        return "NULL"
    special = any(letter in '{}",\\' or letter in " \t\n\r\v\f" for letter in text)
    if text == "" or text.upper() == "NULL" or special:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def in_parentheses(text, special):
    """A part in a composite's or a range's text."""
    if text is None:
        return ""
    if text == "" or any(letter in special or letter in " \t\n\r\v\f" for letter in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
    return text


def span(parts):
    """A range."""
    lower, lower_inclusive, upper, upper_inclusive, is_empty = parts
    if is_empty == "t":
        return "empty"
    bound = lambda text: in_parentheses(text, '"\\()[],')
    opening = "[" if lower_inclusive == "t" else "("
    closing = "]" if upper_inclusive == "t" else ")"
    return f"{opening}{bound(lower)},{bound(upper)}{closing}"


def array_text(parts, is_list_of_lists):
    """An array; an inner one stands in it as it is."""
    return "{" + ",".join(part if is_list_of_lists else in_array(part) for part in parts) + "}"


def nested(array, multirange):
    """Postgres' texts of a list or struct array; None for other arrays."""
    kind = array.type
    valid = array.is_valid().to_pylist()
    if types.is_struct(kind):
        names = [kind.field(index).name for index in range(kind.num_fields)]
        parts = [texts(array.field(index)) for index in range(kind.num_fields)]
        rows = list(zip(*parts)) if parts else [()] * len(array)
        if names == RANGE:
            printed = [span(row) for row in rows]
        else:
            printed = ["(" + ",".join(in_parentheses(part, '"\\(),') for part in row) + ")" for row in rows]
    elif types.is_list(kind) or types.is_large_list(kind):
        values, offsets = texts(array.values), array.offsets.to_pylist()
        inner = types.is_list(kind.value_type) or types.is_large_list(kind.value_type)
        printed = [
            array_text(values[start:end], inner or multirange)
            for start, end in zip(offsets, offsets[1:])
        ]
    else:
        return None
    return [text if there else None for text, there in zip(printed, valid)]


def plain(kind):
    """How a value of a type without parts is printed."""
    if types.is_boolean(kind):
        return lambda value: "t" if value else "f"
    if types.is_binary(kind) or types.is_large_binary(kind):
        return lambda value: "\\x" + value.hex()
    if types.is_fixed_size_binary(kind):
        return lambda value: "-".join(
            value.hex()[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
        )
    if types.is_float32(kind):
        return lambda value: number(value, 6, True)
    if types.is_float64(kind):
        return lambda value: number(value, 15, False)
    if types.is_decimal(kind):
        return lambda value: format(value, "f")
    return str


def texts(array, multirange=False):
    """The array's values as Postgres prints them."""
    if isinstance(array, pyarrow.ExtensionArray):
        array = array.storage
    found = nested(array, multirange)
    if found is not None:
        return found
    kind = array.type
    if types.is_date32(kind):
        array = array.view(pyarrow.int32())
        form = day
    elif types.is_timestamp(kind):
        zone = "+00" if kind.tz else ""
        array = array.view(pyarrow.int64())
        form = lambda value: timestamp(value, zone)
    elif types.is_time64(kind):
        array = array.view(pyarrow.int64())
        form = time
    else:
        form = plain(kind)
    return [None if value is None else form(value) for value in array.to_pylist()]


def whole(column):
    """A column as one array."""
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pyarrow.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pyarrow.array([], column.type)
    return column


def is_near(value, expected, kind):
    """DuckDB's decimals end at 38 digits; wider ones it reads as doubles, not quite the nearest."""
    if not types.is_float64(kind) or value is None or expected is None:
        return value == expected or types.is_nested(kind)
    return abs(float(value) - float(expected)) <= 1e-15 * abs(float(expected))


def compare(reader, arrays, columns, wide):
    """The differences between one reader's arrays and Postgres' texts."""
    differences = []
    for name, expected in columns.items():
        array = whole(arrays.column(name))
        found = texts(array, expected.get("multirange", False))
        if len(found) != len(expected["values"]):
            differences.append(f"{reader}: {name}: {len(found)} rows instead of {len(expected['values'])}")
        for row, (value, text) in enumerate(zip(found, expected["values"])):
            same = is_near(value, text, array.type) if name in wide else value == text
            if not same:
                differences.append(f"{reader}: {name}, row {row}: {value!r} instead of {text!r}")
    return differences


def parquet_types(file, name):
    """The column's types in the file, one per leaf."""
    found = []
    for index in range(len(file.schema)):
        column = file.schema.column(index)
        if column.path == name or column.path.startswith(name + "."):
            width = f"({column.length})" if column.physical_type == "FIXED_LEN_BYTE_ARRAY" else ""
            logical = str(column.logical_type).split("(")[0]
            if logical == "Decimal":
                logical = f"Decimal({column.precision}, {column.scale})"
            if logical == "Int" and "false" in str(column.logical_type):
                logical = "unsigned Int"
            if logical in ("Timestamp", "Time") and "isAdjustedToUTC=true" in str(column.logical_type):
                logical += " UTC"
            found.append(column.physical_type + width + ("" if logical == "None" else " " + logical))
    return found


def check(connection, request):
    """One file."""
    path, columns = request["path"], request["columns"]
    file = pyarrow.parquet.ParquetFile(path)
    table = file.read()
    quoted = path.replace("'", "''")
    relation = connection.sql(f"select * from read_parquet('{quoted}')")
    seen = dict(zip(relation.columns, (str(kind) for kind in relation.types)))
    reader = relation.arrow()
    duck = reader if isinstance(reader, pyarrow.Table) else reader.read_all()
    wide = {name for name in columns if "decimal256" in str(table.schema.field(name).type)}
    return {
        "types": {
            name: {
                "parquet": parquet_types(file, name),
                "pyarrow": str(table.schema.field(name).type),
                "duckdb": seen[name],
            }
            for name in columns
        },
        "differences": compare("pyarrow", table, columns, set()) + compare("DuckDB", duck, columns, wide),
    }


def main(path):
    """Prints the findings of every file."""
    decimal.getcontext().prec = 100
    connection = duckdb.connect()
    connection.sql("set timezone = 'UTC'")
    connection.sql("set threads = 1")
    with open(path, encoding="utf-8") as file:
        requests = json.load(file)
    json.dump([check(connection, request) for request in requests], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
