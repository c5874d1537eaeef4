-- The run in one row.
--
-- grain:  total_events
-- column: total_events  bigint not null  touches
-- column: unique_clients  bigint not null  clients
-- column: first_touch_events  bigint not null  first touches, one per client
-- column: mid_and_last_touch_events  bigint not null  all other touches
-- column: contracts  bigint not null  contracts
-- column: clients_with_contracts  bigint not null  clients with one
-- column: total_revenue  decimal(18,2) not null  the contracts' money
-- column: unique_platforms  bigint not null  platforms with a touch
-- column: data_multiplier  decimal(18,2) not null  touches per first touch, 0 when there are none
with

client as (
    select
        client_id,
        count(*)                                         as touches,
        count(*) filter (where is_first_touch)           as first_touches,
        count(*) filter (where is_contract)              as contracts,
        sum(contract_amount)                             as revenue
    from fact_events
    group by client_id
),

total as (
    select
        coalesce(sum(touches), 0)                        as total_events,
        count(*)                                         as unique_clients,
        coalesce(sum(first_touches), 0)                  as first_touch_events,
        coalesce(sum(contracts), 0)                      as contracts,
        count(*) filter (where contracts > 0)            as clients_with_contracts,
        coalesce(sum(revenue), 0)                        as total_revenue
    from client
),

platform as (
    select count(distinct platform) as platforms from fact_events
)

select
    total.total_events                                   as total_events,
    total.unique_clients                                 as unique_clients,
    total.first_touch_events                             as first_touch_events,
    total.total_events - total.first_touch_events        as mid_and_last_touch_events,
    total.contracts                                      as contracts,
    total.clients_with_contracts                         as clients_with_contracts,
    total.total_revenue                                  as total_revenue,
    platform.platforms                                   as unique_platforms,
    coalesce(ratio(total.total_events, total.first_touch_events, 2), 0)
                                                         as data_multiplier
from total
cross join platform
