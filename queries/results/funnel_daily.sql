-- Touches, contracts and money by the event's own day, platform and channel.
--
-- grain:  day, platform, channel
-- column: day  date not null  the event's day
-- column: platform  text not null  the event's platform
-- column: channel  text not null  its channel
-- column: total_events  bigint not null  touches
-- column: unique_clients  bigint not null  clients with such a touch on that day
-- column: first_touch_events  bigint not null  first touches of their clients
-- column: last_touch_events  bigint not null  last touches of their clients
-- column: contracts  bigint not null  contract events
-- column: revenue  decimal(18,2) not null  their money
-- column: avg_touch_sequence  decimal(18,1) not null  mean place in the client's path
select
    event_day                                            as day,
    platform                                             as platform,
    channel                                              as channel,
    count(*)                                             as total_events,
    count(distinct client_id)                            as unique_clients,
    count(*) filter (where is_first_touch)               as first_touch_events,
    count(*) filter (where is_last_touch)                as last_touch_events,
    count(*) filter (where is_contract)                  as contracts,
    coalesce(sum(contract_amount), 0)                    as revenue,
    ratio(sum(touch_sequence_number), count(*), 1)       as avg_touch_sequence
from fact_events
group by event_day, platform, channel
order by day, platform, channel
