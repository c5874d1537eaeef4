"""Tells, by joins in DuckDB, whether a lake and its run have forgotten one client and nothing else.

In: the folders before and after, the client's id. Out: one line per difference, then the rows
that were to go per table; exit code 1 if there is any difference. Rows must be the same in the
same order.
"""

import glob
import os
import sys

import duckdb


def main(before, after, client):
    """Compares every Parquet file; returns how many differ from what they should be."""
    duckdb.sql("set timezone = 'UTC'")

    def table(name):
        return f"read_parquet('{before}/{name}/*.parquet')"

    duckdb.sql(f"""create table events as
        select id_source from {table('stg/crm_events')} where client_id = {client}
        union select id_source from {table('raw/itcrm_new_source')} where id_uniq = {client}""")
    duckdb.sql(f"""create table requests as
        select id_request from {table('raw/itcrm_internet_request_relation')}
        group by id_request having bool_and(id_source in (from events))""")
    duckdb.sql(f"""create table leads as
        select fb_lead_id from {table('stg/marketing_match')} where trim(fb_lead_id) <> ''
        group by fb_lead_id having bool_and(id_source in (from events))""")
    duckdb.sql(f"""create table clicks as
        select gclid from (
            select gclid, id_source in (from events) as mine from {table('stg/source_attribution')}
            union all
            select gclid, internet_request_id in (from requests) from {table('raw/itcrm_analytics')}
        ) where trim(gclid) <> '' group by gclid having bool_and(mine)""")
    event = "id_source in (from events)"
    run = f"client_id = {client}"
    gone = {
        "stg/crm_events": run,
        "raw/itcrm_new_source": f"id_uniq = {client}",
        "stg/source_attribution": event,
        "stg/marketing_match": event,
        "raw/itcrm_docs_clients": event,
        "raw/itcrm_events_relations": event,
        "raw/itcrm_new_form": event,
        "raw/itcrm_internet_request_relation": event,
        "raw/itcrm_internet_request": "request_id in (from requests)",
        "raw/itcrm_analytics": "internet_request_id in (from requests)",
        "raw/fb_leads": "fb_lead_id in (from leads)",
        "raw/google_ads_clicks": "gclid in (from clicks)",
        "fact_events": run,
        "fact_contracts": run,
        "client_funnel": run,
        "attribution_credit": "contract_source_id in (from events)",
    }
    differences = 0
    for path in sorted(glob.glob(f"{before}/**/*.parquet", recursive=True)):
        name = os.path.relpath(path, before)
        folder = os.path.dirname(name)
        condition = gone.get(folder) or gone.get(os.path.basename(folder)) or "false"
        rows = duckdb.sql(f"""select * exclude (file_row_number)
            from read_parquet('{path}', file_row_number = true)
            where not coalesce({condition}, false) order by file_row_number""").fetchall()
        found = duckdb.sql(f"""select * exclude (file_row_number)
            from read_parquet('{after}/{name}', file_row_number = true)
            order by file_row_number""").fetchall()
        removed = duckdb.sql(f"select count(*) from '{path}' where {condition}").fetchall()[0][0]
        if rows != found:
            print(f"{name}: {len(found)} rows instead of {len(rows)}, or others")
            differences += 1
        if removed:
            print(f"{os.path.basename(folder)} {removed}")
    return differences


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2], int(sys.argv[3])) else 0)
