"""The peers that are Python libraries, one process a run: `peers.py WAY URL TABLE FILE JOBS`.

Each writes the table as zstd level 1 Parquet, with row groups of `ROW_GROUP` rows where the
library takes a size, by the shortest program that its manual suggests.
"""

import glob
import os
import sys

LEVEL = 1
ROW_GROUP = 122_880


def duckdb(url, table, file, jobs):
    """DuckDB's own extension, from PyPI because the usual download is not open to all."""
    import duckdb as engine
    import duckdb_extension_postgres_scanner as package

    extension = glob.glob(os.path.join(os.path.dirname(package.__file__), "extensions", "*",
                                       "postgres_scanner.duckdb_extension"))[0]
    connection = engine.connect(config={"threads": jobs})
    connection.execute(f"load '{extension}'")
    connection.execute(f"attach '{url}' as source (type postgres, read_only)")
    connection.execute(
        f"copy (from source.{table}) to '{file}' (format parquet, compression zstd, "
        f"compression_level {LEVEL}, row_group_size {ROW_GROUP})")


def connectorx(url, table, file, jobs):
    """ConnectorX as a stream, which holds the least; parts by the key when there are two jobs."""
    import connectorx as library
    import pyarrow.parquet

    parts = {"partition_on": "event_id", "partition_num": jobs} if jobs > 1 else {}
    batches = library.read_sql(url, f"select * from {table}", return_type="arrow_stream",
                               batch_size=ROW_GROUP, **parts)
    write(pyarrow.parquet, batches, file)


def adbc(url, table, file, _jobs):
    """The Arrow project's driver; it has one connection."""
    import adbc_driver_postgresql.dbapi as driver
    import pyarrow.parquet

    with driver.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {table}")
        write(pyarrow.parquet, cursor.fetch_record_batch(), file)


def write(parquet, batches, file):
    """Writes a stream of batches of any size."""
    with parquet.ParquetWriter(file, batches.schema, compression="zstd",
                               compression_level=LEVEL) as writer:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP)


def csv(_url, table, file, jobs):
    """DuckDB reads on its standard input what `psql` prints as CSV."""
    import duckdb as engine

    columns = {
        "event_id": "bigint", "client_id": "bigint", "campaign_id": "integer",
        "seconds": "integer", "amount": "decimal(15, 2)", "score": "double",
        "is_paid": "boolean", "day": "date", "happened_at": "timestamp",
        "received_at": "timestamptz", "platform": "varchar", "page": "varchar",
        "note": "varchar", "request_id": "uuid", "details": "json",
    }
    connection = engine.connect(config={"threads": jobs})
    connection.execute(
        f"copy (from read_csv('/dev/stdin', header = false, columns = {columns})) "
        f"to '{file}' (format parquet, compression zstd, compression_level {LEVEL}, "
        f"row_group_size {ROW_GROUP})")


if __name__ == "__main__":
    way, url, table, file, jobs = sys.argv[1:]
    globals()[way](url, table, file, int(jobs))
