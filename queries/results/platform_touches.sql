-- Touches, clients, contracts and money by platform; a contract counts for its own
-- event's platform here, not for the one that earned it.
--
-- grain:  platform
-- column: platform  text not null  the touches' platform
-- column: unique_clients  bigint not null  clients with a touch of it
-- column: total_touches  bigint not null  touches of it
-- column: avg_touches_per_client  decimal(18,2) not null  touches per such client
-- column: clients_who_converted  bigint not null  clients with a contract event of it
-- column: conversion_rate_pct  decimal(18,2) not null  the same as per cent of unique_clients
-- column: total_revenue  decimal(18,2) not null  money of those contract events
-- column: avg_revenue_per_converted  decimal(18,0)  per client with money on it, null without one
with

client as (
    select
        platform,
        client_id,
        count(*)                                         as touches,
        bool_or(is_contract)                             as converted,
        coalesce(sum(contract_amount), 0)                as revenue
    from fact_events
    group by platform, client_id
),

total as (
    select
        platform,
        count(*)                                         as clients,
        sum(touches)                                     as touches,
        count(*) filter (where converted)                as converted,
        sum(revenue)                                     as revenue,
        sum(revenue) filter (where revenue > 0)          as paid_revenue,
        count(*) filter (where revenue > 0)              as paying_clients
    from client
    group by platform
)

select
    platform                                             as platform,
    clients                                              as unique_clients,
    touches                                              as total_touches,
    ratio(touches, clients, 2)                           as avg_touches_per_client,
    converted                                            as clients_who_converted,
    ratio(100 * converted, clients, 2)                   as conversion_rate_pct,
    revenue                                              as total_revenue,
    ratio(paid_revenue, paying_clients, 0)               as avg_revenue_per_converted
from total
order by platform
