#!/usr/bin/env python3
"""Writes a small random lake, dirty on purpose, for the differential test.

In: a seed. Out: `OUT/raw`, `OUT/stg` as Parquet and `OUT/params.json` with the settings to run
it with (`since`, `lookback_days`, `models`; null means the default). The same seed gives the
same lake. Keys are unique; all else that real data holds may occur: equal times, null clients
and dates, blanks, mixed case, several documents per event, documents without event, times with
and without zone in every unit, dictionary and large strings, missing optional columns, several
shuffled files per table.
"""

import argparse
import decimal
import json
import pathlib
import random
import shutil

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DAY = 86_400
FIRST_DAY = 20_041  # 2024-11-14, days since 1970
# Around the clock changes of Europe/Kyiv: 2024-10-27, 2025-03-30 and 2025-10-26, 01:00 UTC.
CLOCK_CHANGES = [1_729_990_800, 1_743_296_400, 1_761_440_400]

ODD = "\u00a0form\u00a0"
SOURCE_TYPES = [
    None, None, "", "  ", "unknown", "unknown", "Unknown ", "UNKNOWN", "organic",
    "Organic Search", "organic_form", "referral", " Referral", "referral_x", "viber_bot", "VIBER",
    "Telegram-канал", "event", "EVENT_2024", "event form", "web_form", "Form", "platform",
    "paid_search", "Paid_Social", "promo_email", "promo_messenger", "promo_partner", "direct",
    "Прямий візит", "ПРЯМИЙ ВІЗИТ", ODD, "\tevent\n", "facebook", "paid_other", "email",
]
PLATFORMS = [
    None, None, None, "", " ", "facebook", "Facebook", " INSTAGRAM ", "instagram", "google", "GOOGLE",
    "tiktok", "LinkedIn", "paid_other", "Paid_Other ", "bing", "Інше", "paid_search", "referral",
]
UTM_SOURCES = [
    None, None, None, None, "", "  ", "email", "Email ", "viber", "VIBER", "telegram", "TG", "tg",
    "google", "facebook", "newsletter", "\u00a0", "розсилка",
]
UTM_MEDIUMS = [None, None, None, "", "email", "EMAIL", "cpc", "social", " email "]
NAMES = [None, None, "", " ", "Осінь 2025", "осінь 2025", "Brand", "brand", "Знижка > 10 %", "a, \"b\""]
IDS = [None, None, None, "", "  ", "c1", "C1", " c1", "c2", "120210000000001", "\u00a0"]
CLICKS = [None] * 12 + ["", " ", "IwAR0abc", "iwar0ABC"]
EVENT_TYPES = [None, "", "call", "out-call", "sms", "Договір", "contract", "viber"]

OPTIONAL = {
    "crm_events": [
        "event_type_id", "event_type_name", "is_contract", "is_rejection", "is_no_answer",
        "contract_amount", "contract_date", "id_user",
    ],
    "source_attribution": [
        "source_type", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term",
        "fbclid", "gclid",
    ],
    "marketing_match": [
        "matched_platform", "campaign_id", "campaign_name", "ad_id", "ad_name", "adset_id",
        "adset_name", "creative_id", "fb_lead_id", "fb_page_id", "fb_form_id", "fb_form_name",
        "google_keyword", "google_ad_group_id", "google_ad_group_name",
    ],
    "itcrm_docs_clients": [],
}

MODELS = [
    "first_touch", "last_touch", "first_paid_touch", "first_non_direct", "last_non_direct",
    "linear", "position_based", "time_decay",
]


class Dice:
    """The random choices of one lake: values, and how its columns are stored."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        # Drawn once per lake, so that all files of a table agree.
        self.zoned = self.random.random() < 0.4
        self.unit = self.random.choice(["s", "ms", "us", "us", "ns"])
        self.zone = self.random.choice(["UTC", "Europe/Kyiv", "America/New_York"])
        self.missing = self.random.choice([0.0, 0.0, 0.1, 0.4])

    def pick(self, pool, count):
        return self.random.choices(pool, k=count)

    def string(self, values):
        kind = self.random.choice(["utf8", "large", "dictionary", "dictionary_large", "view"])
        array = pa.array(values, pa.string())
        if kind == "large":
            return array.cast(pa.large_string())
        if kind == "dictionary":
            return array.dictionary_encode()
        if kind == "dictionary_large":
            return array.cast(pa.large_string()).dictionary_encode()
        if kind == "view":
            return array.cast(pa.string_view())
        return array

    def integer(self, values, kinds):
        return pa.array(values, self.random.choice(kinds))

    def decimal(self, cents):
        """Whole cents as a decimal of a random precision; the value is never changed."""
        whole = pa.array(cents, pa.int64()).cast(pa.decimal128(19, 0))
        value = pc.multiply(whole, pa.scalar(decimal.Decimal("0.01"), pa.decimal128(3, 2)))
        target = self.random.choice(
            [pa.decimal128(12, 2), pa.decimal128(18, 2), pa.decimal128(20, 4), pa.decimal128(38, 6)]
        )
        return value.cast(target)

    def time(self, seconds):
        """Instants in a zoned lake, local times in the others."""
        unit = "ms" if self.unit == "s" and self.random.random() < 0.5 else self.unit
        factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        whole = pa.array([None if s is None else s * factor for s in seconds], pa.int64())
        return whole.cast(pa.timestamp(unit, self.zone if self.zoned else None))

    def date(self, days):
        """Dates, or midnight timestamps without zone."""
        array = pa.array(days, pa.int32()).cast(pa.date32())
        kind = self.random.choice(["date", "date", "ms", "us", "ns", "date64"])
        if kind == "date":
            return array
        if kind == "date64":
            return array.cast(pa.date64())
        return array.cast(pa.timestamp(kind))


def client_sizes(dice, clients):
    """Touches per client: mostly few, sometimes many; about 3.75 on average."""
    return [
        dice.random.randint(30, 70) if dice.random.random() < 0.004 else size
        for size in dice.pick([1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10], clients)
    ]


def event_times(dice, size):
    """Times of one client's touches: whole minutes, often equal, often whole days apart."""
    r = dice.random
    if r.random() < 0.05:
        start = r.choice(CLOCK_CHANGES) + r.choice([-7200, -5400, -3600, -1, 0, 1800, 3600, 5400])
    else:
        start = (FIRST_DAY + r.randrange(250)) * DAY + r.randrange(1440) * 60
    times = [start]
    while len(times) < size:
        step = r.choice([0, 0, 1, 60, 1800, 3600, DAY - 1, DAY, DAY, DAY + 1, 7 * DAY, 30 * DAY, 45 * DAY + 7])
        times.append(r.choice(times) + (step if r.random() < 0.95 else -step))
    return times


def event_columns(dice, clients, contract_share):
    """The columns of stg.crm_events as Python lists."""
    r = dice.random
    client_ids = r.sample(range(1, max(100, clients * 7)), clients)
    owner, times = [], []
    for client, size in zip(client_ids, client_sizes(dice, clients)):
        owner.extend([client] * size)
        times.extend(event_times(dice, size))
    for _ in range(max(3, len(owner) // 50)):
        owner.append(r.choice([None, r.choice(client_ids)]))
        times.append(r.choice([None, (FIRST_DAY + r.randrange(250)) * DAY]))
    count = len(owner)
    ids = r.sample(range(1, count * 6), count)
    staged = [r.random() < contract_share for _ in range(count)]
    cents = dice.pick([None, 0, 1, 2, 3, 100, 10001, 33333, 99999, 2514222, 7777701, -5005], count)
    days = [
        None if time is None or chance < 0.4 else time // DAY + shift
        for time, chance, shift in zip(
            times,
            (r.random() for _ in range(count)),
            dice.pick([0, 0, 0, 1, 2, 5, 20, 40, 100, -1, -40], count),
        )
    ]
    return {
        "id_source": ids,
        "client_id": owner,
        "event_date": times,
        "event_type_id": dice.pick([None, 1, 2, 3, 6, 6], count),
        "event_type_name": dice.pick(EVENT_TYPES, count),
        "is_contract": [True if s else r.choice([None, False]) for s in staged],
        "is_rejection": dice.pick([None, False, True], count),
        "is_no_answer": dice.pick([None, False, True], count),
        "contract_amount": cents,
        "contract_date": days,
        "id_user": dice.pick([None, 1, 17, 4_000_000_000], count),
    }


def documents(dice, ids, contract_share):
    """The columns of raw.itcrm_docs_clients: few events with many documents, some with none."""
    r = dice.random
    sold = [i for i in ids if r.random() < contract_share]
    source = [i for i in sold for _ in range(r.choice([1, 1, 1, 2, 3, 5]))]
    highest = max(ids)
    source += [highest + 1 + r.randrange(1000) for _ in range(max(2, len(source) // 20))]
    source += [None] * max(1, len(source) // 30)
    count = len(source)
    cents = [
        r.randrange(1, 30_000_000) if chance < 0.4 else fixed
        for chance, fixed in zip(
            (r.random() for _ in range(count)),
            dice.pick([None, 0, 0, -100, 1, 2, 7, 100, 10001, 33334, 5929999, 999_999_999], count),
        )
    ]
    near = dice.pick([None, None] + list(range(FIRST_DAY, FIRST_DAY + 300, 3)), count)
    return {
        "contract_id": r.sample(range(1, count * 3 + 10), count),
        "id_source": source,
        "currentdate": near,
        "total_cost_of_the_contract": cents,
    }


def text_columns(dice, ids, pools, presence):
    """A table of one row for most of the ids, text columns drawn from pools."""
    r = dice.random
    chosen = [i for i in ids if r.random() < presence]
    chosen += [max(ids) + 1 + n for n in range(3)]
    return {"id_source": chosen} | {
        name: dice.pick(pool, len(chosen)) for name, pool in pools.items()
    }


def as_table(dice, name, columns):
    """Arrow columns in random storage types, some optional ones left out, order shuffled."""
    big, small = [pa.int64(), pa.int64(), pa.uint32(), pa.uint64()], [pa.int8(), pa.int16(), pa.int32(), pa.int64()]
    arrays = {}
    for column, values in columns.items():
        if column in OPTIONAL[name] and dice.random.random() < dice.missing:
            continue
        if column in ("id_source", "client_id", "contract_id", "id_user"):
            arrays[column] = dice.integer(values, big)
        elif column == "event_type_id":
            arrays[column] = dice.integer(values, small)
        elif column == "event_date":
            arrays[column] = dice.time(values)
        elif column in ("contract_date", "currentdate"):
            arrays[column] = dice.date(values)
        elif column in ("contract_amount", "total_cost_of_the_contract"):
            arrays[column] = dice.decimal(values)
        elif column.startswith("is_"):
            arrays[column] = pa.array(values, pa.bool_())
        else:
            arrays[column] = dice.string(values)
    arrays["ignored_column"] = pa.array(dice.pick(["x", None], len(columns["id_source"])))
    names = list(arrays)
    dice.random.shuffle(names)
    return pa.table({column: arrays[column] for column in names})


def write_table(dice, out, schema, name, columns):
    """One to four shuffled files, one of them perhaps empty, or `<table>.parquet`."""
    order = list(range(len(columns["id_source"])))
    dice.random.shuffle(order)
    # Shuffled as lists: pyarrow cannot `take` string views.
    table = as_table(
        dice, name, {column: [values[i] for i in order] for column, values in columns.items()}
    )
    folder = pathlib.Path(out, schema)
    folder.mkdir(parents=True, exist_ok=True)
    files = dice.random.choice([0, 1, 2, 3, 4])
    if files == 0:
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
        return
    cuts = sorted(dice.random.randint(0, table.num_rows) for _ in range(files - 1))
    bounds = [0, *cuts, table.num_rows]
    (folder / name).mkdir()
    for number, (low, high) in enumerate(zip(bounds, bounds[1:])):
        pq.write_table(
            table.slice(low, high - low),
            folder / name / f"part-{number:05}.parquet",
            compression=dice.random.choice(["zstd", "snappy", "none"]),
        )


def parameters(dice):
    """The settings to run the lake with."""
    r = dice.random
    models = None
    if r.random() < 0.3:
        # The base of model_comparison always runs.
        models = sorted(r.sample(MODELS, r.randint(1, 5)) + ["last_paid_touch"])
    return {
        "since": r.choice([None, "2025-01-01", "2025-01-01", "2025-03-30", "2030-01-01" if r.random() < 0.1 else "2024-12-01"]),
        "lookback_days": r.choice([None, None, None, 0, 1, 7, 30, 90]),
        "models": models,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--clients", type=int, help="[default: a few dozen, by the seed]")
    parser.add_argument("--contract-share", type=float, help="of events, twice: staged, documents")
    arguments = parser.parse_args()
    for schema in ("raw", "stg"):
        shutil.rmtree(pathlib.Path(arguments.out, schema), ignore_errors=True)
    dice = Dice(arguments.seed)
    settings = parameters(dice)
    clients = arguments.clients or dice.random.choice([1, 3, 20, 60, 150])
    share = arguments.contract_share or dice.random.choice([0.02, 0.1, 0.3])
    events = event_columns(dice, clients, share)
    ids = events["id_source"]
    write_table(dice, arguments.out, "stg", "crm_events", events)
    write_table(dice, arguments.out, "raw", "itcrm_docs_clients", documents(dice, ids, share))
    write_table(dice, arguments.out, "stg", "source_attribution", text_columns(dice, ids, {
        "source_type": SOURCE_TYPES, "utm_source": UTM_SOURCES, "utm_medium": UTM_MEDIUMS,
        "utm_campaign": NAMES, "utm_content": NAMES, "utm_term": NAMES,
        "fbclid": CLICKS, "gclid": CLICKS,
    }, 0.9))
    pools = {name: IDS if name.endswith("_id") else NAMES for name in OPTIONAL["marketing_match"]}
    pools["matched_platform"] = PLATFORMS
    write_table(
        dice, arguments.out, "stg", "marketing_match", text_columns(dice, ids, pools, 0.6)
    )
    pathlib.Path(arguments.out, "params.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
