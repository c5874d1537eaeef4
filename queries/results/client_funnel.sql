-- One row per client: touches, contracts, money, and the path as platforms and event types.
--
-- grain:  client_id
-- column: client_id  bigint not null  the client
-- column: total_touches  bigint not null  touches
-- column: first_touch_date  timestamp not null  the first of them
-- column: last_touch_date  timestamp not null  the last of them
-- column: total_contracts  bigint not null  contracts
-- column: total_revenue  decimal(18,2) not null  their money
-- column: platforms_used  list<text> not null  distinct, sorted
-- column: channels_used  list<text> not null  distinct, sorted
-- column: journey_platforms  list<text> not null  in order
-- column: journey_events  list<text> not null  event type names, in order
with

path as (
    select * from client_paths('fact_events')
),

contract as (
    select
        client_id,
        count(*)                                         as contracts,
        sum(contract_amount)                             as revenue
    from fact_contracts
    group by client_id
)

select
    path.client_id                                       as client_id,
    array_length(path.event_date)                        as total_touches,
    array_element(path.event_date, 1)                    as first_touch_date,
    array_element(path.event_date, -1)                   as last_touch_date,
    coalesce(contract.contracts, 0)                      as total_contracts,
    coalesce(contract.revenue, 0)                        as total_revenue,
    sorted_distinct(path.platform)                     as platforms_used,
    sorted_distinct(path.channel)                      as channels_used,
    path.platform                                        as journey_platforms,
    path.event_type_name                                 as journey_events
-- The contracts stand on the left, which is the side that a join holds in memory: all paths
-- there were one batch that no sort could spill.
from contract
right join path on contract.client_id = path.client_id
order by client_id
