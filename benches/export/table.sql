-- 2,000,000 rows of fifteen columns as a shop's event table has them: about 250 bytes a row.
--
-- Every value follows from the row's number and a seed, so the table is the same on each
-- machine. The rows lie in the order of the key, as they do in a table that only grows: but for
-- one in five hundred, which fills the gap that a longer row has left on an earlier page.
create table public.events (
    event_id     bigint primary key,
    client_id    bigint not null,
    campaign_id  integer,
    seconds      integer not null,
    amount       numeric(15, 2),
    score        double precision not null,
    is_paid      boolean not null,
    day          date not null,
    happened_at  timestamp not null,
    received_at  timestamptz not null,
    platform     text not null,
    page         text not null,
    note         text,
    request_id   uuid not null,
    details      jsonb
);

with numbered as (
    select
        number,
        -- Non-negative, so that remainders are.
        hashint8extended(number, 1) & 9223372036854775807 as a,
        hashint8extended(number, 2) & 9223372036854775807 as b
    from generate_series(1, :rows) as number
)

insert into public.events
select
    number,
    -- Squared: some clients come often, most of them rarely.
    ((a % 1000)::bigint * (a % 1000) * 400 + b % 400)::bigint,
    case when b % 10 > 0 then (a % 997)::integer end,
    (b % 3600)::integer,
    case when a % 20 > 0 then (b % 100000000)::numeric / 100 end,
    (a % 1000000007)::double precision / 1000000007,
    a % 3 = 0,
    date '2023-01-01' + (number / 2000)::integer,
    timestamp '2023-01-01' + number * interval '43.2 s' + (b % 1000000) * interval '1 us',
    timestamptz '2023-01-01 00:00:00+00' + number * interval '43.2 s' + (a % 60000) * interval '1 ms',
    (array['google', 'facebook', 'instagram', 'email', 'viber', 'direct',
           'organic', 'tiktok', 'telegram', 'referral', 'sms', 'bing'])[1 + a % 12],
    'https://shop.example/catalog/' || (a % 5000) || '/item-' || (b % 100000),
    case when b % 4 > 0 then
        (array['asked about', 'came back for', 'did not answer,', 'paid for'])[1 + a % 4]
        || ' order ' || b % 10000000
    end,
    md5('request' || number)::uuid,
    case when a % 8 > 0 then jsonb_build_object(
        'source', 'source-' || (a % 40),
        'visit', b % 1000,
        'returning', b % 2 = 0
    ) end
from numbered
order by number;

vacuum (analyze, freeze) public.events;
checkpoint;
